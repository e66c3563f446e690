// Ends svcd with SIGKILL at the n-th change that it makes below a directory. For LD_PRELOAD (ld.so(8)).
//
// Every call of libc that changes a file or a directory is a step. The fatal one is not made, but for a write,
// of which the first half is: that is all that a kill can leave of one. What the disk loses when the power
// fails is another matter: os/durable.h orders its fsync calls for that.
//
//   SVC_KILL_BELOW    the directory
//   SVC_KILL_COUNTER  a file with a Counter, which the test and we map: it arms us at any time
#include <atomic>
#include <csignal>
#include <cstdarg>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <fcntl.h>
#include <string>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

namespace {

struct Counter {
    std::atomic<std::int64_t> left; ///< steps until the fatal one; 0: not armed
    char step[56];                  ///< the fatal one's name
};
static_assert(sizeof(Counter) == 64, "tests/integration/test_history_crash.py maps it as well");

struct Trap {
    Counter* counter = nullptr;
    std::string below;
    pid_t supervisor = ::getpid(); // made before it forks anything

    Trap() {
        const char* directory = std::getenv("SVC_KILL_BELOW");
        const char* file = std::getenv("SVC_KILL_COUNTER");
        // Neither the shell before it nor a hook after it.
        if (directory == nullptr || file == nullptr ||
            std::strcmp(program_invocation_short_name, "svcd") != 0)
            return;
        const int fd = ::open(file, O_RDWR | O_CLOEXEC);
        void* mapped = ::mmap(nullptr, sizeof(Counter), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        ::close(fd);
        if (mapped == MAP_FAILED)
            std::abort();
        below = directory;
        counter = static_cast<Counter*>(mapped);
    }
};

Trap& trap() {
    static Trap* const made = new Trap; // never destroyed: calls come until the very end
    return *made;
}

std::string path_of(int fd) {
    char path[4096];
    const std::string link = "/proc/self/fd/" + std::to_string(fd);
    const ssize_t length = ::readlink(link.c_str(), path, sizeof(path));
    return length > 0 ? std::string(path, static_cast<std::size_t>(length)) : "";
}

std::string path_of(int directory, const char* path) {
    return path[0] == '/' ? path : path_of(directory) + "/" + path;
}

/// Whether this change is the fatal one.
bool is_fatal(const char* name, const std::string& path) {
    Counter* counter = trap().counter;
    if (counter == nullptr || counter->left == 0 || !path.starts_with(trap().below) ||
        --counter->left != 0)
        return false;
    std::strncpy(counter->step, name, sizeof(counter->step) - 1);
    return true;
}

/// What copies and syncs for svcd is a child of it (os/file_work.h): it is svcd that is to end.
[[noreturn]] void end() {
    ::kill(trap().supervisor, SIGKILL);
    ::kill(::getpid(), SIGKILL);
    for (;;)
        ::pause();
}

void step(const char* name, const std::string& path) {
    if (is_fatal(name, path))
        end();
}

template <class Function>
Function* next(Function* /*ours*/, const char* name) {
    return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

constexpr int making = O_CREAT | O_TRUNC;

mode_t mode_in(int flags, va_list arguments) {
    return (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : 0;
}

} // namespace

extern "C" {

int openat(int directory, const char* path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    const mode_t mode = mode_in(flags, arguments);
    va_end(arguments);
    if ((flags & making) != 0)
        step("openat", path_of(directory, path));
    return next(&openat, "openat")(directory, path, flags, mode);
}

int openat64(int directory, const char* path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    const mode_t mode = mode_in(flags, arguments);
    va_end(arguments);
    if ((flags & making) != 0)
        step("openat", path_of(directory, path));
    return next(&openat64, "openat64")(directory, path, flags, mode);
}

ssize_t write(int fd, const void* data, size_t size) {
    const auto real = next(&write, "write");
    if (!is_fatal("write", path_of(fd)))
        return real(fd, data, size);
    (void)!real(fd, data, size / 2);
    end();
}

ssize_t copy_file_range(int from, off64_t* from_at, int to, off64_t* to_at, size_t size,
                        unsigned flags) {
    step("copy_file_range", path_of(to));
    return next(&copy_file_range, "copy_file_range")(from, from_at, to, to_at, size, flags);
}

ssize_t sendfile(int to, int from, off_t* from_at, size_t size) noexcept {
    step("sendfile", path_of(to));
    return next(&sendfile, "sendfile")(to, from, from_at, size);
}

ssize_t sendfile64(int to, int from, off64_t* from_at, size_t size) noexcept {
    step("sendfile", path_of(to));
    return next(&sendfile64, "sendfile64")(to, from, from_at, size);
}

int fchmod(int fd, mode_t mode) noexcept {
    step("fchmod", path_of(fd));
    return next(&fchmod, "fchmod")(fd, mode);
}

int fsync(int fd) {
    step("fsync", path_of(fd));
    return next(&fsync, "fsync")(fd);
}

int mkdir(const char* path, mode_t mode) noexcept {
    step("mkdir", path);
    return next(&mkdir, "mkdir")(path, mode);
}

int rmdir(const char* path) noexcept {
    step("rmdir", path);
    return next(&rmdir, "rmdir")(path);
}

int unlink(const char* path) noexcept {
    step("unlink", path);
    return next(&unlink, "unlink")(path);
}

int unlinkat(int directory, const char* path, int flags) noexcept {
    step("unlinkat", path_of(directory, path));
    return next(&unlinkat, "unlinkat")(directory, path, flags);
}

int rename(const char* from, const char* to) noexcept {
    step("rename", from);
    return next(&rename, "rename")(from, to);
}

int renameat(int from_directory, const char* from, int to_directory, const char* to) noexcept {
    step("renameat", path_of(from_directory, from));
    return next(&renameat, "renameat")(from_directory, from, to_directory, to);
}

int renameat2(int from_directory, const char* from, int to_directory, const char* to,
              unsigned flags) noexcept {
    step("renameat2", path_of(from_directory, from));
    return next(&renameat2, "renameat2")(from_directory, from, to_directory, to, flags);
}
}
