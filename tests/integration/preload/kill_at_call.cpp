// Ends svcd with SIGKILL before or after the n-th of its calls to the world. For LD_PRELOAD (ld.so(8)).
//
// The calls are those between which a supervisor's death may matter to its workers and its successor: it
// starts a launcher, sends (GO, a fd for the store, a word to its manager), receives, publishes its state,
// signals, reaps, binds, removes a path.
//
//   SVC_KILL_COUNTER  a file with a Counter, which the test and we map: it arms us at any time
#include <atomic>
#include <csignal>
#include <cstdarg>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

struct Counter {
    std::atomic<std::int64_t> left; ///< steps until the fatal one; 0: not armed
    char step[56];                  ///< the fatal one's name
};
static_assert(sizeof(Counter) == 64, "tests/integration/killing.py maps it as well");

Counter* map_counter() {
    const char* file = std::getenv("SVC_KILL_COUNTER");
    if (file == nullptr || std::strcmp(program_invocation_short_name, "svcd") != 0)
        return nullptr;
    const int fd = ::open(file, O_RDWR | O_CLOEXEC);
    void* mapped = ::mmap(nullptr, sizeof(Counter), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    ::close(fd);
    return mapped == MAP_FAILED ? nullptr : static_cast<Counter*>(mapped);
}

Counter* counter() {
    static Counter* const mapped = map_counter();
    return mapped;
}

pid_t supervisor() {
    static const pid_t pid = ::getpid();
    return pid;
}

const pid_t first_look = supervisor(); // before it forks anything

void step(const char* name) {
    Counter* const armed = counter();
    if (armed == nullptr || armed->left == 0 || ::getpid() != supervisor() || --armed->left != 0)
        return;
    std::strncpy(armed->step, name, sizeof(armed->step) - 1);
    ::kill(::getpid(), SIGKILL);
    for (;;)
        ::pause();
}

template <class Function>
Function* next(Function* /*ours*/, const char* name) {
    return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

template <class Call>
auto around(const char* name, Call call) {
    step(name);
    const auto result = call();
    step(name);
    return result;
}

} // namespace

extern "C" {

int posix_spawn(pid_t* pid, const char* path, const posix_spawn_file_actions_t* actions,
                const posix_spawnattr_t* attributes, char* const* arguments,
                char* const* environment) {
    return around("posix_spawn", [&] {
        return next(&posix_spawn, "posix_spawn")(pid, path, actions, attributes, arguments,
                                                 environment);
    });
}

ssize_t sendmsg(int fd, const msghdr* message, int flags) {
    return around("sendmsg", [&] { return next(&sendmsg, "sendmsg")(fd, message, flags); });
}

ssize_t sendto(int fd, const void* data, size_t size, int flags, const sockaddr* to,
               socklen_t length) {
    return around("sendto",
                  [&] { return next(&sendto, "sendto")(fd, data, size, flags, to, length); });
}

ssize_t recvmsg(int fd, msghdr* message, int flags) {
    return around("recvmsg", [&] { return next(&recvmsg, "recvmsg")(fd, message, flags); });
}

ssize_t pwrite64(int fd, const void* data, size_t size, off64_t at) {
    return around("pwrite", [&] { return next(&pwrite64, "pwrite64")(fd, data, size, at); });
}

ssize_t pwrite(int fd, const void* data, size_t size, off_t at) {
    return around("pwrite", [&] { return next(&pwrite, "pwrite")(fd, data, size, at); });
}

int waitid(idtype_t type, id_t id, siginfo_t* info, int options) {
    return around("waitid", [&] { return next(&waitid, "waitid")(type, id, info, options); });
}

int bind(int fd, const sockaddr* address, socklen_t length) noexcept {
    return around("bind", [&] { return next(&bind, "bind")(fd, address, length); });
}

int unlink(const char* path) noexcept {
    return around("unlink", [&] { return next(&unlink, "unlink")(path); });
}

// pidfd_send_signal(2) and others that this libc has no function for.
long syscall(long number, ...) noexcept {
    va_list list;
    va_start(list, number);
    long values[6];
    for (long& value : values)
        value = va_arg(list, long);
    va_end(list);
    const auto call = [&] {
        return next(&syscall, "syscall")(number, values[0], values[1], values[2], values[3],
                                         values[4], values[5]);
    };
    return number == SYS_pidfd_send_signal ? around("pidfd_send_signal", call) : call();
}
}
