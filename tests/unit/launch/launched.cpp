#include "launched.h"

#include "../patience.h"
#include "os/fd_passing.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <poll.h>
#include <sstream>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace svc::test {

namespace {

class ScratchDirectory {
public:
    ScratchDirectory() : path_(std::filesystem::temp_directory_path() / "svc-launch-test-XXXXXX") {
        if (::mkdtemp(path_.data()) == nullptr || ::chmod(path_.c_str(), 0755) != 0)
            std::abort();
        std::filesystem::copy_file(SVC_LAUNCH_PATH, path_ + "/svc-launch");
        std::filesystem::copy_file(SVC_PROBE_PATH, path_ + "/probe");
    }
    ScratchDirectory(const ScratchDirectory&) = delete;
    ScratchDirectory& operator=(const ScratchDirectory&) = delete;
    ~ScratchDirectory() {
        std::error_code ignored;
        if (::getpid() == maker_) // not in a forked part of a test
            std::filesystem::remove_all(path_, ignored);
    }
    [[nodiscard]] const std::string& path() const { return path_; }

private:
    std::string path_;
    pid_t maker_ = ::getpid();
};

} // namespace

const std::string& scratch_directory() {
    static const ScratchDirectory directory;
    return directory.path();
}
std::string launcher_path() {
    return scratch_directory() + "/svc-launch";
}
std::string probe_path() {
    return scratch_directory() + "/probe";
}

std::string make_file(const std::string& name, const std::string& content, mode_t mode) {
    const std::string path = scratch_directory() + "/" + name;
    {
        std::ofstream file(path, std::ios::binary | std::ios::trunc);
        file << content;
        REQUIRE(file.good());
    }
    REQUIRE(::chmod(path.c_str(), mode) == 0);
    return path;
}

std::string read_whole_file(const std::string& path) {
    const std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

bool is_root() {
    return ::geteuid() == 0;
}

wire::LaunchOrder order_for(std::vector<std::string> command) {
    wire::LaunchOrder order;
    order.executable = command.front();
    order.arguments = std::move(command);
    order.environment = {"PATH=/usr/bin:/bin"};
    return order;
}

bool wait_readable(int fd) {
    pollfd wanted{.fd = fd, .events = POLLIN, .revents = 0};
    int count = 0;
    do {
        count = ::poll(&wanted, 1, patience_ms);
    } while (count < 0 && errno == EINTR);
    return count == 1;
}

os::Ended wait_end(int pidfd) {
    REQUIRE(wait_readable(pidfd));
    siginfo_t info{};
    REQUIRE(::waitid(P_PIDFD, static_cast<id_t>(pidfd), &info, WEXITED) == 0);
    return {.pid = info.si_pid,
            .signaled = info.si_code != CLD_EXITED,
            .value = info.si_status,
            .core_dumped = info.si_code == CLD_DUMPED};
}

Launched::Launched() {
    auto launcher = os::open_launcher(launcher_path());
    REQUIRE_MESSAGE(launcher, launcher.error().message);
    auto spawned = os::spawn_launcher(launcher->get());
    REQUIRE_MESSAGE(spawned, spawned.error().message);
    process_ = std::move(*spawned);
}

Launched Launched::nested(std::vector<wire::LaunchLimit> limits, bool as_nobody) {
    std::array<int, 2> ends{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0);
    UniqueFd ours(ends[0]);
    const UniqueFd theirs(ends[1]);
    wire::LaunchOrder order = order_for({launcher_path()});
    order.environment.clear();
    order.limits = std::move(limits);
    order.inherited_fds = 1; // its socket, on 3: where a launcher looks for it
    if (as_nobody) {
        order.set_credentials = true;
        order.uid = nobody;
        order.gid = nobody;
    }
    Launched outer;
    const std::array<int, 1> fds{theirs.get()};
    outer.send(order, fds);
    outer.go();
    const auto failure = outer.answer();
    REQUIRE_MESSAGE(!failure, failure->sentence);
    outer.ended_ = true; // the process lives on in the one returned
    outer.process_.socket = std::move(ours);
    return Launched(std::move(outer.process_));
}

Launched::~Launched() {
    if (ended_ || !process_.pidfd)
        return;
    [[maybe_unused]] const auto killed = os::kill_group(pidfd(), pid());
    siginfo_t info{};
    ::waitid(P_PIDFD, static_cast<id_t>(pidfd()), &info, WEXITED);
}

bool Launched::send_bytes(std::string_view bytes, std::span<const int> fds) {
    while (!bytes.empty()) {
        const auto sent = os::send_with_fds(socket(), bytes, fds);
        if (!sent && (sent.error().code == EPIPE || sent.error().code == ECONNRESET))
            return false;
        REQUIRE_MESSAGE(sent, sent.error().message);
        if (*sent == 0) {
            pollfd wanted{.fd = socket(), .events = POLLOUT, .revents = 0};
            REQUIRE(::poll(&wanted, 1, patience_ms) == 1);
            continue;
        }
        bytes.remove_prefix(*sent);
        fds = {};
    }
    return true;
}

void Launched::send(const wire::LaunchOrder& order, std::span<const int> fds) {
    const auto message = wire::encode_launch_order(order, fds.size());
    REQUIRE_MESSAGE(message, message.error().message);
    bool listening = send_bytes(*message);
    while (listening && !fds.empty()) {
        const auto batch = fds.first(std::min(fds.size(), wire::fds_per_message));
        listening = send_bytes("F", batch);
        fds = fds.subspan(batch.size());
    }
}

std::optional<wire::LaunchFailure> Launched::answer() {
    std::string bytes;
    for (;;) {
        REQUIRE(wait_readable(socket()));
        std::array<char, 8192> piece{};
        const ssize_t count = ::recv(socket(), piece.data(), piece.size(), 0);
        if (count < 0 && errno == EINTR)
            continue;
        REQUIRE((count >= 0 || errno == ECONNRESET));
        if (count <= 0)
            break;
        bytes.append(piece.data(), static_cast<std::size_t>(count));
    }
    if (bytes.empty())
        return std::nullopt;
    auto failure = wire::decode_launch_failure(bytes);
    REQUIRE_MESSAGE(failure, failure.error().message);
    REQUIRE(failure->has_value());
    return *std::move(failure);
}

os::Ended Launched::end() {
    ended_ = true;
    return wait_end(pidfd());
}

wire::LaunchFailure failure_of(Launched& launched, const wire::LaunchOrder& order) {
    launched.send(order);
    launched.go();
    auto failure = launched.answer();
    REQUIRE_MESSAGE(failure, "the worker was started");
    CHECK_FALSE(failure->sentence.empty());
    const os::Ended ended = launched.end();
    CHECK_FALSE(ended.signaled);
    CHECK((ended.value == 126 || ended.value == 127));
    return *failure;
}

wire::LaunchFailure failure_of(const wire::LaunchOrder& order) {
    Launched launched;
    return failure_of(launched, order);
}

Facts read_facts(int pipe) {
    std::string text;
    while (!text.ends_with("\nend\n")) {
        REQUIRE(wait_readable(pipe));
        std::array<char, 65536> piece{};
        const ssize_t count = ::read(pipe, piece.data(), piece.size());
        REQUIRE_MESSAGE(count > 0, "the probe ended early: " << text);
        text.append(piece.data(), static_cast<std::size_t>(count));
    }
    Facts facts;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        const std::size_t sign = line.find('=');
        facts[line.substr(0, sign)] = sign == std::string::npos ? "" : line.substr(sign + 1);
    }
    return facts;
}

Facts probe(Launched& launched, wire::LaunchOrder order, std::vector<int> fds) {
    Pipe pipe = make_pipe();
    order.executable = probe_path();
    if (order.arguments.empty())
        order.arguments = {"probe"};
    order.inherited_fds = static_cast<std::uint32_t>(fds.size());
    order.stdout_index = static_cast<std::int32_t>(fds.size());
    fds.push_back(pipe.write.get());
    launched.send(order, fds);
    pipe.write.reset();
    launched.go();
    const auto failure = launched.answer();
    REQUIRE_MESSAGE(!failure, failure->sentence);
    return read_facts(pipe.read.get());
}

Facts probe(wire::LaunchOrder order, std::vector<int> fds) {
    Launched launched;
    Facts facts = probe(launched, std::move(order), std::move(fds));
    CHECK(facts["pid"] == std::to_string(launched.pid()));
    return facts;
}

Pipe make_pipe() {
    std::array<int, 2> ends{};
    REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
    return {.read = UniqueFd(ends[0]), .write = UniqueFd(ends[1])};
}

std::vector<UniqueFd> make_fds(std::size_t count) {
    std::vector<UniqueFd> fds;
    for (std::size_t index = 0; index < count; ++index)
        REQUIRE(fds.emplace_back(::memfd_create("test", MFD_CLOEXEC)));
    return fds;
}

std::vector<int> numbers_of(const std::vector<UniqueFd>& fds) {
    std::vector<int> numbers;
    for (const UniqueFd& fd : fds)
        numbers.push_back(fd.get());
    return numbers;
}

std::string inode_of(int fd) {
    struct stat status {};
    REQUIRE(::fstat(fd, &status) == 0);
    return std::to_string(status.st_ino);
}

} // namespace svc::test
