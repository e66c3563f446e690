// What the tests of svc-launch share: a real launcher, driven over its socket as the supervisor
// drives it. Everything waits with a deadline.
#pragma once

#include "base/unique_fd.h"
#include "os/process.h"
#include "wire/launch_order.h"

#include <map>
#include <optional>
#include <span>
#include <string>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

#include <doctest/doctest.h>

namespace svc::test {

/// A directory under TMPDIR that everyone may enter, with copies of svc-launch and the probe in it
/// (the build directory may be closed to other users); removed at exit.
const std::string& scratch_directory();
std::string launcher_path();
std::string probe_path();
/// Writes a file into the scratch directory and returns its path.
std::string make_file(const std::string& name, const std::string& content, mode_t mode);
std::string read_whole_file(const std::string& path);

bool is_root();
inline constexpr std::uint32_t nobody = 65534;

/// An order without anything special: the program with its arguments, and one variable.
wire::LaunchOrder order_for(std::vector<std::string> command);

/// True if `fd` becomes readable (or ends) before the deadline.
bool wait_readable(int fd);
/// Waits for the end of a child by its pidfd, and reaps it.
os::Ended wait_end(int pidfd);

/// One launcher process. The destructor kills what is left of it.
class Launched {
public:
    /// Started by os::spawn_launcher() from a held fd.
    Launched();
    /// Takes over a launcher that was started otherwise.
    explicit Launched(os::SpawnedLauncher launcher) : process_(std::move(launcher)) {}
    /// A launcher started by another launcher under these limits.
    static Launched nested(std::vector<wire::LaunchLimit> limits, bool as_nobody);
    /// The same as nobody, or as the test's own user if that is not root.
    static Launched unprivileged(std::vector<wire::LaunchLimit> limits = {}) {
        return nested(std::move(limits), is_root());
    }
    Launched(Launched&&) = default;
    ~Launched();

    void send(const wire::LaunchOrder& order, std::span<const int> fds = {});
    /// False once the launcher is gone.
    bool send_bytes(std::string_view bytes, std::span<const int> fds = {});
    void go() { send_bytes("G"); }
    void close_socket() { process_.socket.reset(); }
    /// What the launcher reports; nullopt is end-of-file: the exec is confirmed, or it exited.
    std::optional<wire::LaunchFailure> answer();
    os::Ended end();

    [[nodiscard]] pid_t pid() const { return process_.pid; }
    [[nodiscard]] int pidfd() const { return process_.pidfd.get(); }
    [[nodiscard]] int socket() const { return process_.socket.get(); }

private:
    os::SpawnedLauncher process_;
    bool ended_ = false;
};

/// A launcher that a child process of ours becomes by exec, after it did `prepare`.
template <class Prepare>
Launched started_by(Prepare prepare) {
    std::array<int, 2> ends{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0);
    os::SpawnedLauncher spawned;
    spawned.socket.reset(ends[0]);
    const UniqueFd theirs(ends[1]);
    const std::string path = launcher_path();
    spawned.pid = ::fork();
    REQUIRE(spawned.pid >= 0);
    if (spawned.pid == 0) {
        ::dup2(theirs.get(), wire::launch_socket_fd);
        prepare();
        ::execl(path.c_str(), "svc-launch", nullptr);
        ::_exit(99);
    }
    auto pidfd = os::open_pidfd(spawned.pid);
    REQUIRE(pidfd);
    spawned.pidfd = std::move(*pidfd);
    return Launched(std::move(spawned));
}

/// Sends the order with GO to `launched` and returns the failure that comes; fails the test if the
/// exec happened.
wire::LaunchFailure failure_of(Launched& launched, const wire::LaunchOrder& order);
wire::LaunchFailure failure_of(const wire::LaunchOrder& order);

using Facts = std::map<std::string, std::string>;
/// What the probe printed on `pipe`, up to its "end".
Facts read_facts(int pipe);
/// Launches the probe with this order (its executable and arguments are filled in) and these fds to
/// inherit.
Facts probe(Launched& launched, wire::LaunchOrder order, std::vector<int> fds = {});
Facts probe(wire::LaunchOrder order, std::vector<int> fds = {});

struct Pipe {
    UniqueFd read;
    UniqueFd write;
};
Pipe make_pipe();

/// Files that can be told apart by their inode.
std::vector<UniqueFd> make_fds(std::size_t count);
std::vector<int> numbers_of(const std::vector<UniqueFd>& fds);
std::string inode_of(int fd);

} // namespace svc::test
