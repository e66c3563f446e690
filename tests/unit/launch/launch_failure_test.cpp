// Every step of svc-launch that can fail: the step, the errno and the sentence that come back.
#include "launched.h"

#include <array>
#include <cerrno>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <filesystem>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace svc;
using namespace svc::test;
using wire::LaunchFailure;
using wire::LaunchStep;

namespace {

void check_failure(const LaunchFailure& failure, LaunchStep step, int error,
                   const std::string& sentence) {
    CHECK(wire::launch_step_name(failure.step) == wire::launch_step_name(step));
    CHECK(failure.error == error);
    CHECK(failure.sentence == sentence);
}

void check_contains(const LaunchFailure& failure, LaunchStep step, int error,
                    const std::string& part) {
    CHECK(wire::launch_step_name(failure.step) == wire::launch_step_name(step));
    CHECK(failure.error == error);
    CHECK_MESSAGE(failure.sentence.find(part) != std::string::npos, failure.sentence);
}

LaunchFailure exec_failure(const std::string& path) {
    return failure_of(order_for({path}));
}

wire::LaunchOrder as_nobody(wire::LaunchOrder order) {
    order.set_credentials = true;
    order.uid = nobody;
    order.gid = nobody;
    return order;
}

LaunchFailure failure_of_bytes(const std::string& bytes, std::span<const int> fds = {}) {
    Launched launched;
    launched.send_bytes(bytes, fds);
    auto failure = launched.answer();
    REQUIRE(failure);
    CHECK(launched.end().value == 126);
    return *failure;
}

std::string order_bytes(std::size_t fds) {
    return *wire::encode_launch_order(order_for({"/bin/true"}), fds);
}

} // namespace

TEST_CASE("a cgroup that cannot be entered is told") {
    const UniqueFd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
    Launched launched;
    wire::LaunchOrder order = order_for({"/bin/true"});
    order.cgroup_index = 0;
    const std::array<int, 1> sent{full.get()};
    launched.send(order, sent);
    const auto failure = launched.answer();
    REQUIRE(failure);
    check_failure(*failure, LaunchStep::cgroup, ENOSPC,
                  "cannot enter the worker's cgroup: No space left on device");
    CHECK(launched.end().value == 126);
}

TEST_CASE("what is no order is answered as one that cannot be read") {
    check_contains(failure_of_bytes("GET / HTTP/1.1\r\n\r\n"), LaunchStep::order, 0,
                   "does not start like one");
    std::string too_long = order_bytes(0).substr(0, wire::launch_header_bytes);
    too_long.replace(8, 4, std::string("\x01\x00\x80\x00", 4)); // 8 MiB and one byte
    check_contains(failure_of_bytes(too_long), LaunchStep::order, 0, "the limit is 8388608");
    std::string damaged = order_bytes(0);
    damaged[wire::launch_header_bytes + 3] = '\x7f';
    check_contains(failure_of_bytes(damaged), LaunchStep::order, 0, "cut off");
}

TEST_CASE("fds that were not announced, and announced ones that do not come, are answered") {
    const Pipe pipe = make_pipe();
    const std::array<int, 2> two{pipe.read.get(), pipe.write.get()};
    check_contains(failure_of_bytes(order_bytes(1) + "F"), LaunchStep::fds, EPROTO, "other fds");
    check_contains(failure_of_bytes(order_bytes(1) + "G"), LaunchStep::fds, EPROTO,
                   "where fds were announced");
    check_contains(failure_of_bytes(order_bytes(0) + "X"), LaunchStep::order, EPROTO,
                   "instead of GO");
    Launched launched;
    launched.send_bytes(order_bytes(1));
    launched.send_bytes("F", two);
    const auto failure = launched.answer();
    REQUIRE(failure);
    check_contains(*failure, LaunchStep::fds, EPROTO, "other fds");
}

TEST_CASE("more fds than the supervisor's limit allows are refused with the remedy") {
    Launched launched = Launched::unprivileged({{RLIMIT_NOFILE, 16, 16}});
    const Pipe pipe = make_pipe();
    const std::vector<int> fds(40, pipe.read.get());
    launched.send(order_for({"/bin/true"}), fds);
    const auto failure = launched.answer();
    REQUIRE(failure);
    check_contains(*failure, LaunchStep::fds, EINVAL, "LimitNOFILE");
}

TEST_CASE("an ordinary user cannot take other credentials") {
    Launched launched = Launched::unprivileged();
    wire::LaunchOrder order = order_for({"/bin/true"});
    order.set_credentials = true;
    // Which of its ids is refused first depends on the groups that the test itself has.
    check_contains(failure_of(launched, order), LaunchStep::credentials, EPERM,
                   "(only a supervisor that runs as root starts workers as another user): "
                   "Operation not permitted");
}

TEST_CASE("an ordinary user cannot take other groups, or only another uid") {
    Launched first = Launched::unprivileged();
    wire::LaunchOrder order = as_nobody(order_for({"/bin/true"}));
    order.groups = {4};
    check_contains(failure_of(first, order), LaunchStep::credentials, EPERM,
                   "cannot set the supplementary groups");
    if (!is_root())
        return; // the test's own user has a gid of its own
    Launched second = Launched::unprivileged();
    order.groups.clear();
    order.uid = 1;
    check_contains(failure_of(second, order), LaunchStep::credentials, EPERM,
                   "cannot become uid 1");
}

TEST_CASE("an ordinary user cannot raise a hard limit") {
    wire::LaunchOrder order = order_for({"/bin/true"});
    for (const int resource : {RLIMIT_CORE, RLIMIT_NOFILE}) {
        Launched launched = Launched::unprivileged({{resource, 64, 64}});
        order.limits = {{resource, 65, 65}};
        const std::string name = resource == RLIMIT_CORE ? "core" : "nofile";
        check_contains(failure_of(launched, order), LaunchStep::limits, EPERM,
                       "cannot set the limit " + name +
                           " to 65:65 (the hard limit is 64, and "
                           "only a supervisor with CAP_SYS_RESOURCE may raise it");
    }
}

TEST_CASE("an ordinary user cannot lower nice or oom_score_adj") {
    wire::LaunchOrder order = order_for({"/bin/true"});
    order.nice = -5;
    Launched first = Launched::unprivileged();
    check_contains(failure_of(first, order), LaunchStep::nice, EACCES, "cannot set nice to -5");
    order.nice.reset();
    order.oom_score_adj = -500;
    Launched second = Launched::unprivileged();
    check_contains(failure_of(second, order), LaunchStep::oom_score, EACCES, "oom_score_adj");
}

TEST_CASE("a directory that is missing or no directory is named") {
    wire::LaunchOrder order = order_for({"/bin/true"});
    order.directory = "/nonexistent/place";
    check_failure(failure_of(order), LaunchStep::directory, ENOENT,
                  "cannot enter the directory /nonexistent/place: No such file or directory");
    order.directory = make_file("no-directory", "", 0644);
    check_contains(failure_of(order), LaunchStep::directory, ENOTDIR, order.directory);
}

TEST_CASE("a directory is entered as the worker's user, who is named if it may not") {
    if (!is_root()) {
        MESSAGE("skipped: needs root");
        return;
    }
    wire::LaunchOrder order = as_nobody(order_for({"/bin/true"}));
    order.directory = scratch_directory() + "/closed";
    ::mkdir(order.directory.c_str(), 0700);
    check_failure(failure_of(order), LaunchStep::directory, EACCES,
                  "cannot enter the directory " + order.directory +
                      " as uid 65534: Permission denied");
}

TEST_CASE("a failure is known before GO") {
    Launched launched;
    wire::LaunchOrder order = order_for({"/bin/true"});
    order.directory = "/nonexistent";
    launched.send(order);
    const auto failure = launched.answer();
    REQUIRE(failure);
    CHECK(failure->step == LaunchStep::directory);
}

TEST_CASE("a missing executable is exit status 127, any other failure 126") {
    for (const auto& [path, status] :
         {std::pair<std::string, int>{"/nonexistent/web", 127}, {scratch_directory(), 126}}) {
        Launched launched;
        launched.send(order_for({path}));
        launched.go();
        CHECK(launched.answer());
        CHECK(launched.end().value == status);
    }
}

TEST_CASE("an executable that is missing is named, and a link that leads nowhere is explained") {
    check_failure(exec_failure("/nonexistent/web"), LaunchStep::exec, ENOENT,
                  "cannot execute /nonexistent/web: No such file or directory");
    const std::string link = scratch_directory() + "/current";
    std::filesystem::create_symlink("releases/7", link);
    check_failure(exec_failure(link), LaunchStep::exec, ENOENT,
                  "cannot execute " + link +
                      ": No such file or directory (it is a symbolic link to releases/7, which "
                      "leads nowhere)");
}

TEST_CASE("a file that may not be executed is explained by its mode") {
    const std::string path = make_file("data", "text", 0644);
    check_failure(exec_failure(path), LaunchStep::exec, EACCES,
                  "cannot execute " + path +
                      ": Permission denied (its mode is 0644 and its owner "
                      "uid " +
                      std::to_string(::geteuid()) + ": uid " + std::to_string(::geteuid()) +
                      " may not execute it)");
    check_contains(exec_failure(scratch_directory()), LaunchStep::exec, EACCES,
                   "(it is a directory)");
    check_contains(exec_failure("/dev/null"), LaunchStep::exec, EACCES,
                   "(it is not a regular file)");
}

TEST_CASE("an executable below a closed directory is explained by the user") {
    if (!is_root()) {
        MESSAGE("skipped: needs root");
        return;
    }
    const std::string directory = scratch_directory() + "/private";
    ::mkdir(directory.c_str(), 0700);
    const std::string path = make_file("private/web", "#!/bin/sh\n", 0755);
    check_failure(failure_of(as_nobody(order_for({path}))), LaunchStep::exec, EACCES,
                  "cannot execute " + path +
                      ": Permission denied (a directory above it is closed to uid 65534)");
}

TEST_CASE("a script whose interpreter is missing or closed is explained by the interpreter") {
    const std::string missing = make_file("missing-interpreter", "#! /opt/ruby/ruby -w\n", 0755);
    check_failure(exec_failure(missing), LaunchStep::exec, ENOENT,
                  "cannot execute " + missing +
                      ": No such file or directory (its interpreter /opt/ruby/ruby is missing)");
    const std::string windows = make_file("windows", "#!/bin/sh\r\necho\r\n", 0755);
    check_contains(exec_failure(windows), LaunchStep::exec, ENOENT,
                   "its interpreter /bin/sh is followed by a carriage return");
    const std::string interpreter = make_file("interpreter", "x", 0644);
    const std::string closed = make_file("closed-interpreter", "#!" + interpreter + "\n", 0755);
    check_contains(exec_failure(closed), LaunchStep::exec, EACCES,
                   "(its interpreter " + interpreter + " cannot be executed, its mode is 0644");
}

TEST_CASE("a script cannot speak to the terminal through its interpreter's name") {
    const std::string path = make_file("coloured", "#!/\x1b[31mred\n", 0755);
    const LaunchFailure failure = exec_failure(path);
    check_contains(failure, LaunchStep::exec, ENOENT, "/?[31mred");
}

TEST_CASE("a program for another system is explained by its dynamic loader") {
    std::string program = read_whole_file("/bin/true");
    const std::size_t loader = program.find("/lib64/ld-");
    if (loader == std::string::npos) {
        MESSAGE("skipped: /bin/true has no dynamic loader of that name");
        return;
    }
    program[loader + 1] = 'X';
    const std::string path = make_file("other-system", program, 0755);
    check_contains(exec_failure(path), LaunchStep::exec, ENOENT, "the dynamic loader /Xib64/ld-");
}

TEST_CASE("a file that is no program is explained by what it is") {
    check_contains(exec_failure(make_file("prose", "Once upon a time\n", 0755)), LaunchStep::exec,
                   ENOEXEC, "neither a program for this machine nor a script");
    check_contains(exec_failure(make_file("empty", "", 0755)), LaunchStep::exec, ENOEXEC,
                   "(the file is empty)");
    check_contains(exec_failure(make_file("alien",
                                          "\x7f"
                                          "ELF alien",
                                          0755)),
                   LaunchStep::exec, ENOEXEC, "another kind of machine");
}

TEST_CASE("an executable that is being written is explained with the remedy") {
    const std::string path = make_file("busy", read_whole_file(probe_path()), 0755);
    const UniqueFd writer(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    REQUIRE(writer);
    check_contains(exec_failure(path), LaunchStep::exec, ETXTBSY, "rename it");
}

TEST_CASE("arguments and environment that are too big are explained by the one that is") {
    wire::LaunchOrder order = order_for({"/bin/true"});
    order.environment.push_back("HUGE=" + std::string(200000, 'x'));
    check_contains(failure_of(order), LaunchStep::exec, E2BIG,
                   "the environment variable HUGE is longer than 131071 bytes");
    order = order_for({"/bin/true"});
    order.arguments.emplace_back(131072, 'x');
    check_contains(failure_of(order), LaunchStep::exec, E2BIG, "an argument is longer");
    order = order_for({"/bin/true"});
    order.arguments.resize(60, std::string(100000, 'x'));
    order.limits = {{RLIMIT_STACK, 8 << 20, 8 << 20}};
    check_contains(failure_of(order), LaunchStep::exec, E2BIG,
                   "a quarter of the limit stack is allowed, which is 2097152");
}

TEST_CASE("too many processes of one user are explained by the limit") {
    if (!is_root()) {
        MESSAGE("skipped: needs root");
        return;
    }
    // The kernel counts the others when the user changes, and looks again at the exec.
    const Launched other = Launched::unprivileged();
    wire::LaunchOrder order = as_nobody(order_for({"/bin/true"}));
    order.limits = {{RLIMIT_NPROC, 0, 0}};
    check_contains(failure_of(order), LaunchStep::exec, EAGAIN, "limit nproc");
}

TEST_CASE("by hand svc-launch says what it is for, and its version") {
    const std::string out = scratch_directory() + "/out";
    const auto run = [&](const std::string& arguments) {
        const std::string command = launcher_path() + " " + arguments + " >" + out + " 2>&1 3>&-";
        return WEXITSTATUS(std::system(command.c_str()));
    };
    CHECK(run("") == 2);
    CHECK(read_whole_file(out).find("svcd starts this program") != std::string::npos);
    CHECK(run("--help") == 2);
    CHECK(run("--version") == 0);
    CHECK(read_whole_file(out) == "svc-launch " SVC_VERSION "\n");
}
