// svc-launch as a whole: what the worker gets, and what it does not inherit.
#include "launched.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <filesystem>
#include <linux/capability.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

using namespace svc;
using namespace svc::test;

namespace {

std::string numbers_up_to(std::size_t end) {
    std::string text;
    for (std::size_t number = 0; number < end; ++number)
        text += std::to_string(number) + " ";
    return text;
}

/// Raises the soft limit on open files for the life of the object.
class ManyFiles {
public:
    explicit ManyFiles(rlim_t wanted) {
        ::getrlimit(RLIMIT_NOFILE, &before_);
        const rlimit raised{.rlim_cur = std::min(wanted, before_.rlim_max),
                            .rlim_max = before_.rlim_max};
        REQUIRE(::setrlimit(RLIMIT_NOFILE, &raised) == 0);
    }
    ManyFiles(const ManyFiles&) = delete;
    ManyFiles& operator=(const ManyFiles&) = delete;
    ~ManyFiles() { ::setrlimit(RLIMIT_NOFILE, &before_); }

private:
    rlimit before_{};
};

/// CAP_SYS_RESOURCE, which root of a container often lacks.
bool has_resource_capability() {
    constexpr std::uint64_t capability = std::uint64_t{1} << 24;
    const std::string status = read_whole_file("/proc/self/status");
    const std::size_t line = status.find("CapEff:");
    return is_root() && (std::stoull(status.substr(line + 7), nullptr, 16) & capability) != 0;
}

std::string limit_text(std::uint64_t soft, std::uint64_t hard) {
    return std::to_string(soft) + ":" + std::to_string(hard);
}

} // namespace

TEST_CASE("the worker has 0, 1, 2 and the fds passed, in their order, and no other") {
    const auto fds = make_fds(5);
    Facts facts = probe({}, numbers_of(fds));
    CHECK(facts["fds"] == numbers_up_to(3 + 5));
    for (std::size_t index = 0; index < fds.size(); ++index)
        CHECK(facts["inode." + std::to_string(3 + index)] == inode_of(fds[index].get()));
    CHECK(facts["stdin_is_null"] == "1");
}

TEST_CASE("/proc/PID/fd shows the same from outside") {
    const auto fds = make_fds(2);
    Launched launched;
    wire::LaunchOrder order;
    order.arguments = {"probe", "hold"};
    probe(launched, order, numbers_of(fds));
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& entry :
         std::filesystem::directory_iterator("/proc/" + std::to_string(launched.pid()) + "/fd"))
        ++count;
    CHECK(count == 5);
}

TEST_CASE("1,000 fds arrive, even under a limit that is lower than their number") {
    const ManyFiles many(4096);
    const auto fds = make_fds(1000);
    wire::LaunchOrder order;
    order.limits = {{RLIMIT_NOFILE, 64, 64}};
    Facts facts = probe(order, numbers_of(fds));
    CHECK(facts["fds"] == numbers_up_to(1003));
    bool all_same = true;
    for (std::size_t index = 0; index < fds.size(); ++index)
        all_same =
            all_same && facts["inode." + std::to_string(3 + index)] == inode_of(fds[index].get());
    CHECK(all_same);
    CHECK(facts["limit." + std::to_string(RLIMIT_NOFILE)] == "64:64");
}

TEST_CASE("stdin, stdout and stderr can be any of the fds sent") {
    const auto fds = make_fds(2);
    Pipe pipe = make_pipe();
    Launched launched;
    wire::LaunchOrder order = order_for({probe_path()});
    order.inherited_fds = 1;
    order.stdin_index = 0; // one that is inherited as well
    order.stdout_index = 2;
    order.stderr_index = 1;
    const std::array<int, 3> sent{fds[0].get(), fds[1].get(), pipe.write.get()};
    launched.send(order, sent);
    pipe.write.reset();
    launched.go();
    CHECK_FALSE(launched.answer());
    Facts facts = read_facts(pipe.read.get());
    CHECK(facts["fds"] == numbers_up_to(4));
    CHECK(facts["inode.0"] == inode_of(fds[0].get()));
    CHECK(facts["inode.2"] == inode_of(fds[1].get()));
    CHECK(facts["inode.3"] == inode_of(fds[0].get()));
}

TEST_CASE("a launcher started carelessly still makes a clean worker") {
    Launched launched = started_by([] {
        ::signal(SIGHUP, SIG_IGN);
        ::signal(SIGRTMAX, SIG_IGN);
        sigset_t all;
        ::sigfillset(&all);
        ::sigprocmask(SIG_SETMASK, &all, nullptr);
        ::setenv("LISTEN_FDS", "3", 1);
        ::dup2(wire::launch_socket_fd, 4); // in the place of the second fd
        ::dup2(wire::launch_socket_fd, 77);
        ::dup2(wire::launch_socket_fd, STDIN_FILENO);
        ::close(STDERR_FILENO);
    });
    const auto fds = make_fds(4);
    Facts facts = probe(launched, {}, numbers_of(fds));
    CHECK(facts["fds"] == numbers_up_to(7));
    for (std::size_t index = 0; index < fds.size(); ++index)
        CHECK(facts["inode." + std::to_string(3 + index)] == inode_of(fds[index].get()));
    CHECK(facts["SigIgn"] == "0000000000000000");
    CHECK(facts["SigBlk"] == "0000000000000000");
    CHECK(facts["env_count"] == "0");
    CHECK(facts["stdin_is_null"] == "1");
}

TEST_CASE("the environment is the order's, and nothing else") {
    ::setenv("LISTEN_FDS", "7", 1);
    wire::LaunchOrder order;
    order.environment = {"A=1", "EMPTY=", "SIGN=a=b"};
    order.pid_variables = {"LISTEN_PID", "GUNICORN_PID"};
    Facts facts = probe(order);
    ::unsetenv("LISTEN_FDS");
    CHECK(facts["env_count"] == "5");
    CHECK(facts["env.A"] == "1");
    CHECK(facts.count("env.EMPTY") == 1);
    CHECK(facts["env.SIGN"] == "a=b");
    CHECK(facts["env.LISTEN_PID"] == facts["pid"]);
    CHECK(facts["env.GUNICORN_PID"] == facts["pid"]);
}

TEST_CASE("arguments arrive as they are, the program's name too") {
    wire::LaunchOrder order;
    order.arguments = {"another name", "", "with space", "$HOME"};
    Facts facts = probe(order);
    CHECK(facts["argument.0"] == "another name");
    CHECK(facts.at("argument.1").empty());
    CHECK(facts["argument.2"] == "with space");
    CHECK(facts["argument.3"] == "$HOME");
    CHECK(facts.count("argument.4") == 0);
}

TEST_CASE("the worker leads a process group of our session, or a session of its own") {
    Facts grouped = probe({});
    CHECK(grouped["pgid"] == grouped["pid"]);
    CHECK(grouped["sid"] == std::to_string(::getsid(0)));
    wire::LaunchOrder order;
    order.new_session = true;
    Facts alone = probe(order);
    CHECK(alone["pgid"] == alone["pid"]);
    CHECK(alone["sid"] == alone["pid"]);
}

TEST_CASE("the launcher enters the worker's cgroup before GO, and the worker has nothing of it") {
    Pipe door = make_pipe(); // for cgroup.procs
    Pipe pipe = make_pipe();
    Launched launched;
    wire::LaunchOrder order = order_for({probe_path()});
    order.stdout_index = 0;
    order.cgroup_index = 1;
    const std::array<int, 2> sent{pipe.write.get(), door.write.get()};
    launched.send(order, sent);
    pipe.write.reset();
    door.write.reset();
    REQUIRE(wait_readable(door.read.get()));
    std::array<char, 8> written{};
    REQUIRE(::read(door.read.get(), written.data(), written.size()) == 1);
    CHECK(written[0] == '0');
    launched.go();
    CHECK_FALSE(launched.answer());
    CHECK(read_facts(pipe.read.get())["fds"] == numbers_up_to(3));
}

TEST_CASE("blocked and ignored signals of the supervisor are not handed on") {
    const auto handler = ::signal(SIGPIPE, SIG_IGN);
    sigset_t blocked;
    sigset_t before;
    ::sigemptyset(&blocked);
    ::sigaddset(&blocked, SIGTERM);
    ::sigprocmask(SIG_BLOCK, &blocked, &before);
    Facts facts = probe({});
    ::sigprocmask(SIG_SETMASK, &before, nullptr);
    ::signal(SIGPIPE, handler);
    CHECK(facts["SigBlk"] == "0000000000000000");
    CHECK(facts["SigIgn"] == "0000000000000000");
}

TEST_CASE("umask, nice, oom_score_adj, directory and no_new_privs are as ordered") {
    wire::LaunchOrder order;
    order.umask = 0027;
    order.nice = 7;
    order.oom_score_adj = 1000;
    order.directory = scratch_directory();
    order.no_new_privileges = true;
    Facts facts = probe(order);
    CHECK(facts["umask"] == "0027");
    CHECK(facts["nice"] == "7");
    CHECK(facts["oom_score_adj"] == "1000");
    CHECK(facts["directory"] == std::filesystem::canonical(scratch_directory()));
    CHECK(facts["NoNewPrivs"] == "1");
    Facts plain = probe({});
    CHECK(plain["directory"] == "/");
    CHECK(plain["NoNewPrivs"] == "0");
}

TEST_CASE("limits are set, those that would bind the launcher too") {
    wire::LaunchOrder order;
    order.limits = {
        {RLIMIT_CORE, 0, 4096}, {RLIMIT_NOFILE, 100, 200}, {RLIMIT_STACK, 1 << 22, 1 << 23}};
    Facts facts = probe(order);
    CHECK(facts["limit." + std::to_string(RLIMIT_CORE)] == "0:4096");
    CHECK(facts["limit." + std::to_string(RLIMIT_NOFILE)] == "100:200");
    CHECK(facts["limit." + std::to_string(RLIMIT_STACK)] == limit_text(1 << 22, 1 << 23));
}

TEST_CASE("a limit on open files of three leaves room for three") {
    wire::LaunchOrder order;
    order.limits = {{RLIMIT_NOFILE, 3, 3}};
    CHECK(probe(order)["fds"] == numbers_up_to(3));
}

TEST_CASE("a privileged supervisor's worker gets a raised hard limit and then another user") {
    if (!has_resource_capability()) {
        MESSAGE("skipped: needs CAP_SYS_RESOURCE");
        return;
    }
    Launched launched = Launched::nested({{RLIMIT_NOFILE, 64, 64}, {RLIMIT_CORE, 64, 64}}, false);
    wire::LaunchOrder order;
    order.limits = {{RLIMIT_NOFILE, 65, 70}, {RLIMIT_CORE, 65, 70}};
    order.set_credentials = true;
    order.uid = nobody;
    order.gid = nobody;
    Facts facts = probe(launched, order);
    CHECK(facts["limit." + std::to_string(RLIMIT_NOFILE)] == "65:70");
    CHECK(facts["limit." + std::to_string(RLIMIT_CORE)] == "65:70");
}

TEST_CASE("the worker becomes exactly the user, group and groups ordered") {
    if (!is_root()) {
        MESSAGE("skipped: needs root");
        return;
    }
    wire::LaunchOrder order;
    order.set_credentials = true;
    order.uid = 12345;
    order.gid = 23456;
    order.groups = {34567, 23456, 45678};
    Facts facts = probe(order);
    CHECK(facts["uid"] == "12345 12345 12345");
    CHECK(facts["gid"] == "23456 23456 23456");
    CHECK(facts["groups"] == "23456 34567 45678 ");
    order.groups.clear();
    CHECK(probe(order).at("groups").empty());
}

TEST_CASE("capabilities that let the supervisor change users are not the worker's") {
    if (!is_root()) {
        MESSAGE("skipped: needs root");
        return;
    }
    // A supervisor that is not root, but may change users: CAP_SETUID and CAP_SETGID as ambient
    // capabilities (capabilities(7)), as AmbientCapabilities= of a unit gives them.
    Launched launched = started_by([] {
        __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
        std::array<__user_cap_data_struct, 2> sets{};
        const std::uint32_t both = 1u << CAP_SETUID | 1u << CAP_SETGID;
        sets[0] = {.effective = both, .permitted = both, .inheritable = both};
        ::prctl(PR_SET_KEEPCAPS, 1UL, 0UL, 0UL, 0UL);
        if (::setresuid(nobody, nobody, nobody) != 0 ||
            ::syscall(SYS_capset, &header, sets.data()) != 0)
            ::_exit(98);
        for (const unsigned long one : {CAP_SETUID, CAP_SETGID})
            ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, one, 0UL, 0UL);
    });
    wire::LaunchOrder order;
    order.set_credentials = true;
    order.uid = 12345;
    order.gid = 23456;
    Facts facts = probe(launched, order);
    CHECK(facts["uid"] == "12345 12345 12345");
    CHECK(facts["CapAmb"] == "0000000000000000");
    CHECK(facts["CapEff"] == "0000000000000000");
}

TEST_CASE("an ordinary user may order the credentials that it has already") {
    Launched launched = Launched::unprivileged();
    wire::LaunchOrder order;
    order.set_credentials = true;
    order.uid = is_root() ? nobody : ::geteuid();
    order.gid = is_root() ? nobody : ::getegid();
    if (!is_root()) {
        order.groups.resize(65536);
        order.groups.resize(static_cast<std::size_t>(
            ::getgroups(static_cast<int>(order.groups.size()), order.groups.data())));
    }
    const std::string uid = std::to_string(order.uid);
    CHECK(probe(launched, order)["uid"] == uid + " " + uid + " " + uid);
}

TEST_CASE("a program can be executed by a fd after its path was removed, and does not inherit it") {
    const std::string gone = make_file("gone", read_whole_file(probe_path()), 0755);
    const UniqueFd held(::open(gone.c_str(), O_RDONLY | O_CLOEXEC));
    REQUIRE(held);
    REQUIRE(::unlink(gone.c_str()) == 0);
    Pipe pipe = make_pipe();
    auto order = order_for({"probe"});
    order.executable = gone;
    order.stdout_index = 0;
    order.executable_index = 1;
    Launched launched;
    const std::array<int, 2> fds{pipe.write.get(), held.get()};
    launched.send(order, fds);
    pipe.write.reset();
    launched.go();
    REQUIRE_FALSE(launched.answer());
    const Facts facts = read_facts(pipe.read.get());
    CHECK(facts.at("argument.0") == "probe");
    CHECK(facts.at("fds") == "0 1 2 ");
}
