// The launch order's codec: what goes in comes out, and nothing hostile gets through.
#include "wire/launch_order.h"

#include <algorithm>
#include <cstring>
#include <doctest/doctest.h>
#include <random>
#include <sys/resource.h>

using namespace svc;
using namespace svc::wire;

namespace {

constexpr std::size_t some_fds = 8;

LaunchOrder full_order() {
    LaunchOrder order;
    order.executable = "/srv/web/bin/web";
    order.arguments = {"web", "--config", "", "/etc/web.conf"};
    order.environment = {"PATH=/bin", "EMPTY=", "SIGN=a=b"};
    order.pid_variables = {"LISTEN_PID", "GUNICORN_PID"};
    order.directory = "/srv/web";
    order.inherited_fds = 5;
    order.placed_index = 5;
    order.placed_number = 12;
    order.stdin_index = 0;
    order.stdout_index = 5;
    order.stderr_index = 6;
    order.cgroup_index = 7;
    order.set_credentials = true;
    order.uid = 33;
    order.gid = 34;
    order.groups = {34, 35, 4000000000};
    order.umask = 027;
    order.limits = {{RLIMIT_NOFILE, 1024, 4096}, {RLIMIT_CORE, 0, UINT64_MAX}};
    order.nice = -5;
    order.oom_score_adj = 300;
    order.no_new_privileges = true;
    order.new_session = true;
    return order;
}

LaunchOrder small_order() {
    LaunchOrder order;
    order.executable = "/bin/true";
    order.arguments = {"true"};
    return order;
}

std::string encoded(const LaunchOrder& order, std::size_t fds = some_fds) {
    auto message = encode_launch_order(order, fds);
    REQUIRE_MESSAGE(message, message.error().message);
    return *message;
}

std::span<const std::byte> payload_of(const std::string& message) {
    return std::as_bytes(std::span(message)).subspan(launch_header_bytes);
}

Result<LaunchHeader> header_of(const std::string& message) {
    return decode_launch_header(std::as_bytes(std::span(message)).first<launch_header_bytes>());
}

/// The order is refused by both sides: the encoder says it early, the decoder because it must.
std::string refusal(const LaunchOrder& order, std::size_t fds = some_fds) {
    const auto message = encode_launch_order(order, fds);
    REQUIRE_FALSE(message);
    return message.error().message;
}

void mutate(std::string& bytes, std::mt19937& random) {
    const auto below = [&](std::size_t end) {
        return std::uniform_int_distribution<std::size_t>(0, end - 1)(random);
    };
    for (std::size_t changes = 1 + below(4); changes > 0 && !bytes.empty(); --changes) {
        const std::size_t at = below(bytes.size());
        switch (below(5)) {
        case 0:
            bytes[at] = static_cast<char>(below(256));
            break;
        case 1:
            bytes.resize(at);
            break;
        case 2:
            bytes.insert(at, 1 + below(9), static_cast<char>(below(256)));
            break;
        case 3:
            bytes.erase(at, 1 + below(9));
            break;
        default: { // a length, a count or a number at its edge
            const std::uint32_t edges[] = {0,          1,          0x7fffffff, 0x80000000,
                                           0xffffffff, 0xfffffffe, 65537,      8u << 20};
            const std::uint32_t edge = edges[below(std::size(edges))];
            std::memcpy(bytes.data() + at, &edge, std::min(sizeof edge, bytes.size() - at));
        }
        }
    }
}

} // namespace

TEST_CASE("an order comes out of its bytes as it went in") {
    for (const LaunchOrder& order : {full_order(), small_order()}) {
        const std::string message = encoded(order);
        const auto header = header_of(message);
        REQUIRE(header);
        CHECK(header->payload_bytes == message.size() - launch_header_bytes);
        CHECK(header->fd_count == some_fds);
        const auto decoded = decode_launch_order(payload_of(message), some_fds);
        REQUIRE_MESSAGE(decoded, decoded.error().message);
        CHECK(*decoded == order);
    }
}

TEST_CASE("every cut of an order is refused") {
    const std::string message = encoded(full_order());
    const auto payload = payload_of(message);
    for (std::size_t length = 0; length < payload.size(); ++length)
        CHECK_FALSE(decode_launch_order(payload.first(length), some_fds));
    const std::string longer = message + '\0';
    CHECK_FALSE(decode_launch_order(payload_of(longer), some_fds));
}

TEST_CASE("20,000 damaged orders are refused or mean exactly what their bytes say") {
    std::mt19937 random(20261);
    const std::string originals[] = {encoded(full_order()), encoded(small_order())};
    std::size_t accepted = 0;
    for (int round = 0; round < 20000; ++round) {
        std::string payload = originals[round % 2].substr(launch_header_bytes);
        mutate(payload, random);
        const auto order = decode_launch_order(std::as_bytes(std::span(payload)), some_fds);
        if (!order) {
            CHECK_FALSE(order.error().message.empty());
            continue;
        }
        ++accepted;
        const auto again = encode_launch_order(*order, some_fds);
        REQUIRE(again);
        REQUIRE(std::string_view(*again).substr(launch_header_bytes) == payload);
    }
    // Neither all nor none: the mutations reach past the first length.
    CHECK(accepted > 100);
    CHECK(accepted < 10000);
}

TEST_CASE("a header is refused for its magic, version, length and number of fds") {
    const std::string good = encoded(full_order());
    const auto with = [&](std::size_t at, std::uint32_t number) {
        std::string bytes = good;
        std::memcpy(bytes.data() + at, &number, sizeof number);
        return header_of(bytes);
    };
    CHECK_FALSE(with(0, 0x20544547)); // "GET "
    const auto other_version = with(4, 2);
    REQUIRE_FALSE(other_version);
    CHECK(other_version.error().message.find("version 2") != std::string::npos);
    CHECK(with(8, launch_order_limit));
    CHECK_FALSE(with(8, launch_order_limit + 1));
    CHECK(with(12, launch_fd_limit));
    CHECK_FALSE(with(12, launch_fd_limit + 1));
}

TEST_CASE("an order of more than 8 MiB is not sent") {
    LaunchOrder order = small_order();
    order.arguments.emplace_back(launch_order_limit, 'x');
    CHECK(refusal(order).find("the limit is 8388608") != std::string::npos);
}

TEST_CASE("texts that execve could misread are refused") {
    using namespace std::string_literals;
    LaunchOrder order = small_order();
    order.executable = "true";
    CHECK(refusal(order).find("absolute path") != std::string::npos);
    order = small_order();
    order.executable = "/bin/true\0/x"s;
    refusal(order);
    order = small_order();
    order.arguments.clear();
    refusal(order);
    order = small_order();
    order.arguments.push_back("a\0b"s);
    CHECK(refusal(order).find("NUL") != std::string::npos);
    for (const std::string& entry : {"NAME"s, "=value"s, ""s, "A=b\0c"s}) {
        order = small_order();
        order.environment = {entry};
        refusal(order);
    }
    for (const std::string& name : {""s, "A=b"s, "A\0"s}) {
        order = small_order();
        order.pid_variables = {name};
        refusal(order);
    }
    order = small_order();
    order.directory = "srv";
    refusal(order);
}

TEST_CASE("fds that are not sent cannot be asked for") {
    LaunchOrder order = small_order();
    order.inherited_fds = some_fds + 1;
    refusal(order);
    for (std::int32_t LaunchOrder::*index :
         {&LaunchOrder::stdin_index, &LaunchOrder::stdout_index, &LaunchOrder::stderr_index,
          &LaunchOrder::cgroup_index}) {
        for (const std::int32_t wrong : {-2, static_cast<std::int32_t>(some_fds), INT32_MIN}) {
            order = small_order();
            order.*index = wrong;
            refusal(order);
        }
    }
    CHECK_FALSE(encode_launch_order(small_order(), launch_fd_limit + 1));
}

TEST_CASE("a worker never gets the fd of its cgroup") {
    LaunchOrder order = small_order();
    order.cgroup_index = 0;
    CHECK(encode_launch_order(order, some_fds));
    order.inherited_fds = 1;
    refusal(order);
    order.cgroup_index = 1;
    CHECK(encode_launch_order(order, some_fds));
    for (std::int32_t LaunchOrder::*index :
         {&LaunchOrder::stdin_index, &LaunchOrder::stdout_index, &LaunchOrder::stderr_index}) {
        LaunchOrder wrong = order;
        wrong.*index = 1;
        refusal(wrong);
    }
}

TEST_CASE("a fd with a number of its own gets none that is taken or cannot be") {
    LaunchOrder good = small_order();
    good.inherited_fds = 2;
    good.placed_index = 2;
    good.placed_number = 5;
    CHECK(encode_launch_order(good, some_fds));
    good.placed_number = fd_number_limit;
    CHECK(encode_launch_order(good, some_fds));
    const auto refused = [&](auto change) {
        LaunchOrder order = good;
        change(order);
        return refusal(order);
    };
    CHECK(refused([](LaunchOrder& order) {
              order.placed_number = 4;
          }).find("the lowest free one is 5") != std::string::npos);
    refused([](LaunchOrder& order) { order.placed_number = 1; });
    refused([](LaunchOrder& order) { order.placed_number = fd_number_limit + 1; });
    refused([](LaunchOrder& order) { order.placed_number = UINT32_MAX; });
    refused([](LaunchOrder& order) { order.placed_index = -2; });
    refused([](LaunchOrder& order) { order.placed_index = -1; }); // a number for nothing
    refused([](LaunchOrder& order) { order.placed_index = 1; });  // a listener
    refused([](LaunchOrder& order) { order.placed_index = some_fds; });
    refused([](LaunchOrder& order) { order.executable_index = order.placed_index; });
}

TEST_CASE("numbers outside their ranges are refused") {
    const auto refused = [](auto change) {
        LaunchOrder order = small_order();
        change(order);
        refusal(order);
    };
    // (uid_t)-1 is "no change" to setresuid(2): the worker would stay root.
    refused([](LaunchOrder& order) { order.set_credentials = true, order.uid = 4294967295; });
    refused([](LaunchOrder& order) { order.set_credentials = true, order.gid = 4294967295; });
    refused([](LaunchOrder& order) { order.groups = {4294967295}; });
    refused([](LaunchOrder& order) { order.groups.assign(65537, 1); });
    refused([](LaunchOrder& order) { order.umask = 01000; });
    refused([](LaunchOrder& order) { order.nice = 20; });
    refused([](LaunchOrder& order) { order.nice = -21; });
    refused([](LaunchOrder& order) { order.oom_score_adj = 1001; });
    refused([](LaunchOrder& order) { order.limits = {{-1, 0, 0}}; });
    refused([](LaunchOrder& order) { order.limits = {{RLIMIT_NLIMITS, 0, 0}}; });
    refused([](LaunchOrder& order) { order.limits = {{RLIMIT_CORE, 2, 1}}; });
}

TEST_CASE("a failure report comes out of its bytes as it went in, and only when it is whole") {
    const LaunchFailure failure{.step = LaunchStep::exec,
                                .error = 13,
                                .sentence = "cannot execute /usr/bin/web: Permission denied"};
    const std::string bytes = encode_launch_failure(failure);
    for (std::size_t length = 0; length < bytes.size(); ++length) {
        const auto part = decode_launch_failure(std::string_view(bytes).substr(0, length));
        REQUIRE(part);
        CHECK_FALSE(part->has_value());
    }
    const auto decoded = decode_launch_failure(bytes);
    REQUIRE(decoded);
    CHECK(*decoded == failure);
    CHECK_FALSE(decode_launch_failure(bytes + "x"));
}

TEST_CASE("a failure's sentence is cut at 4096 bytes") {
    const auto decoded =
        decode_launch_failure(encode_launch_failure({.sentence = std::string(10000, 'x')}));
    REQUIRE(decoded);
    REQUIRE(decoded->has_value());
    CHECK((*decoded)->sentence.size() == 4096);
}

TEST_CASE("20,000 damaged failure reports never pass for a wrong step or a longer sentence") {
    std::mt19937 random(20262);
    const std::string original =
        encode_launch_failure({.step = LaunchStep::stdio, .error = 9, .sentence = "a sentence"});
    for (int round = 0; round < 20000; ++round) {
        std::string bytes = original;
        mutate(bytes, random);
        const auto failure = decode_launch_failure(bytes);
        if (!failure || !failure->has_value())
            continue;
        CHECK((*failure)->step <= LaunchStep::exec);
        CHECK_FALSE(launch_step_name((*failure)->step).empty());
        CHECK(encode_launch_failure(**failure) == bytes);
    }
}

TEST_CASE("every step has its own name") {
    CHECK(launch_step_name(LaunchStep::order) == "order");
    CHECK(launch_step_name(LaunchStep::process_group) == "process group");
    CHECK(launch_step_name(LaunchStep::credentials) == "credentials");
    CHECK(launch_step_name(LaunchStep::environment) == "environment");
    CHECK(launch_step_name(LaunchStep::exec) == "exec");
}
