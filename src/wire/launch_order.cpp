#include "wire/launch_order.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <string_view>
#include <sys/resource.h>
#include <type_traits>

namespace svc::wire {

namespace {

constexpr std::uint32_t order_magic = 0x4f637673;   // "svcO" in the bytes of the stream
constexpr std::uint32_t failure_magic = 0x46637673; // "svcF"
constexpr std::size_t failure_header_bytes = 16;
constexpr std::size_t sentence_limit = 4096;
constexpr std::size_t group_limit = 65536; // NGROUPS_MAX, setgroups(2)
constexpr std::uint32_t no_id = std::numeric_limits<std::uint32_t>::max();

constexpr std::array<std::string_view, 13> step_names{
    "order", "fds",         "process group", "cgroup", "limits",      "nice", "oom score",
    "umask", "credentials", "directory",     "stdio",  "environment", "exec",
};

/// Appends little-endian numbers, length-prefixed strings and counted lists. Its mirror is Reader:
/// one value has one encoding only, so whatever decodes encodes again to the same bytes.
class Writer {
public:
    explicit Writer(std::string& out) : out_(out) {}

    template <class Number>
    requires std::is_integral_v<Number>
    void put(Number number) {
        auto bits = static_cast<std::make_unsigned_t<Number>>(number);
        for (std::size_t byte = 0; byte < sizeof bits; ++byte)
            out_.push_back(
                static_cast<char>(static_cast<std::uint64_t>(bits) >> (8 * byte) & 0xff));
    }
    void put(bool value) { put(static_cast<std::uint8_t>(value)); }
    void put(const std::string& text) {
        put(static_cast<std::uint32_t>(text.size()));
        out_ += text;
    }
    void put(const LaunchLimit& limit) {
        put(limit.resource);
        put(limit.soft);
        put(limit.hard);
    }
    template <class Item>
    void put(const std::vector<Item>& items) {
        put(static_cast<std::uint32_t>(items.size()));
        for (const Item& item : items)
            put(item);
    }
    template <class Value>
    void put(const std::optional<Value>& value) {
        put(value.has_value());
        if (value)
            put(*value);
    }

private:
    std::string& out_;
};

/// Takes apart what it does not trust. After the first mistake every read gives zero, and good() is
/// false: one test at the end is enough.
class Reader {
public:
    explicit Reader(std::span<const std::byte> bytes) : bytes_(bytes) {}

    [[nodiscard]] bool good() const { return good_; }
    [[nodiscard]] bool at_end() const { return bytes_.empty(); }

    template <class Number>
    requires std::is_integral_v<Number>
    void get(Number& number) {
        using Bits = std::make_unsigned_t<Number>;
        if (bytes_.size() < sizeof(Number)) {
            fail();
            return;
        }
        std::uint64_t bits = 0;
        for (std::size_t byte = 0; byte < sizeof(Number); ++byte)
            bits |= std::to_integer<std::uint64_t>(bytes_[byte]) << (8 * byte);
        number = static_cast<Number>(static_cast<Bits>(bits));
        bytes_ = bytes_.subspan(sizeof(Number));
    }
    void get(bool& value) {
        std::uint8_t byte = 0;
        get(byte);
        if (byte > 1)
            fail();
        value = byte == 1;
    }
    void get(std::string& text) {
        std::uint32_t length = 0;
        get(length);
        if (length > bytes_.size()) {
            fail();
            return;
        }
        text.resize(length);
        std::transform(bytes_.begin(), bytes_.begin() + length, text.begin(),
                       [](std::byte byte) { return static_cast<char>(byte); });
        bytes_ = bytes_.subspan(length);
    }
    void get(LaunchLimit& limit) {
        get(limit.resource);
        get(limit.soft);
        get(limit.hard);
    }
    template <class Item>
    void get(std::vector<Item>& items) {
        std::uint32_t count = 0;
        get(count);
        // Every item takes four bytes at least, so a count beyond that is a lie, told before
        // memory is taken for it.
        if (count > bytes_.size() / 4) {
            fail();
            return;
        }
        items.resize(count);
        for (Item& item : items)
            get(item);
    }
    template <class Value>
    void get(std::optional<Value>& value) {
        bool present = false;
        get(present);
        if (present)
            get(value.emplace());
    }

private:
    void fail() {
        good_ = false;
        bytes_ = {};
    }

    std::span<const std::byte> bytes_;
    bool good_ = true;
};

/// Both directions in one place, so that they cannot differ.
template <class Order, class Visit>
void visit_members(Order& order, Visit visit) {
    visit(order.executable);
    visit(order.executable_index);
    visit(order.arguments);
    visit(order.environment);
    visit(order.pid_variables);
    visit(order.directory);
    visit(order.inherited_fds);
    visit(order.placed_index);
    visit(order.placed_number);
    visit(order.stdin_index);
    visit(order.stdout_index);
    visit(order.stderr_index);
    visit(order.cgroup_index);
    visit(order.set_credentials);
    visit(order.uid);
    visit(order.gid);
    visit(order.groups);
    visit(order.umask);
    visit(order.limits);
    visit(order.nice);
    visit(order.oom_score_adj);
    visit(order.no_new_privileges);
    visit(order.new_session);
}

Error wrong(std::string what) {
    return Error{"launch order: " + std::move(what), 0};
}

bool has_nul(const std::string& text) {
    return text.find('\0') != std::string::npos;
}

Result<void> check_texts(const LaunchOrder& order) {
    if (!order.executable.starts_with('/') || has_nul(order.executable))
        return wrong("the executable is no absolute path");
    if (order.arguments.empty())
        return wrong("there is no argument, not even the program's name");
    if (std::any_of(order.arguments.begin(), order.arguments.end(), has_nul))
        return wrong("an argument contains a NUL byte");
    for (const std::string& entry : order.environment) {
        const std::size_t sign = entry.find('=');
        if (sign == 0 || sign == std::string::npos || has_nul(entry))
            return wrong("an environment entry is not of the form NAME=value");
    }
    for (const std::string& name : order.pid_variables) {
        if (name.empty() || name.find('=') != std::string::npos || has_nul(name))
            return wrong("the name of a variable for the pid is wrong");
    }
    if (has_nul(order.directory) || (!order.directory.empty() && order.directory.front() != '/'))
        return wrong("the directory is no absolute path");
    return {};
}

/// The fd that is to have a number of its own.
Result<void> check_placed(const LaunchOrder& order, std::size_t fd_count) {
    if (order.placed_index < 0)
        return order.placed_index == -1 && order.placed_number == 0
                   ? Result<void>()
                   : wrong("a number without a fd that is to have it");
    const auto index = static_cast<std::uint32_t>(order.placed_index);
    if (index >= fd_count)
        return wrong("the fd that is to have a number of its own is not among those sent");
    if (index < order.inherited_fds || order.placed_index == order.executable_index)
        return wrong("the fd that is to have a number of its own is already something else");
    const std::uint32_t lowest = 3 + order.inherited_fds;
    if (order.placed_number < lowest)
        return wrong("number " + std::to_string(order.placed_number) +
                     " for a fd of its own is taken: 0 to 2 are the standard ones, and listeners "
                     "follow; the lowest free one is " +
                     std::to_string(lowest));
    if (order.placed_number > fd_number_limit)
        return wrong("no process can have a fd with number " + std::to_string(order.placed_number));
    return {};
}

Result<void> check_fds(const LaunchOrder& order, std::size_t fd_count) {
    if (fd_count > launch_fd_limit)
        return wrong(std::to_string(fd_count) + " fds, at most " + std::to_string(launch_fd_limit) +
                     " can be passed");
    if (order.inherited_fds > fd_count)
        return wrong("the worker is to inherit more fds than are sent");
    for (const std::int32_t index : {order.stdin_index, order.stdout_index, order.stderr_index}) {
        if (index < -1 || (index >= 0 && static_cast<std::size_t>(index) >= fd_count))
            return wrong("a fd for stdin, stdout or stderr is not among those sent");
    }
    if (order.executable_index < -1 ||
        (order.executable_index >= 0 &&
         static_cast<std::size_t>(order.executable_index) >= fd_count))
        return wrong("the fd to execute is not among those sent");
    // An inherited fd is not close-on-exec: the worker would have it open.
    if (order.executable_index >= 0 &&
        static_cast<std::uint32_t>(order.executable_index) < order.inherited_fds)
        return wrong("the fd to execute is among those that the worker inherits");
    if (order.cgroup_index < -1 ||
        (order.cgroup_index >= 0 && static_cast<std::size_t>(order.cgroup_index) >= fd_count))
        return wrong("the fd of the cgroup is not among those sent");
    // It lets whoever has it move processes into the group.
    if (order.cgroup_index >= 0 &&
        (static_cast<std::uint32_t>(order.cgroup_index) < order.inherited_fds ||
         order.cgroup_index == order.placed_index || order.cgroup_index == order.stdin_index ||
         order.cgroup_index == order.stdout_index || order.cgroup_index == order.stderr_index))
        return wrong("the fd of the cgroup is among those that the worker gets");
    return check_placed(order, fd_count);
}

Result<void> check_numbers(const LaunchOrder& order) {
    // The id -1 means "leave it as it is" to setresuid(2): taken for an id it would leave root.
    if (order.set_credentials && (order.uid == no_id || order.gid == no_id))
        return wrong("4294967295 is no user or group id");
    if (order.groups.size() > group_limit)
        return wrong("more than 65536 supplementary groups");
    if (std::find(order.groups.begin(), order.groups.end(), no_id) != order.groups.end())
        return wrong("4294967295 is no user or group id");
    if (order.umask && *order.umask > 0777)
        return wrong("the umask is above 0777");
    for (const LaunchLimit& limit : order.limits) {
        if (limit.resource < 0 || limit.resource >= static_cast<std::int32_t>(RLIMIT_NLIMITS))
            return wrong("resource " + std::to_string(limit.resource) + " has no limit to set");
        if (limit.soft > limit.hard)
            return wrong("a soft limit is above its hard limit");
    }
    if (order.nice && (*order.nice < -20 || *order.nice > 19))
        return wrong("nice is not within -20 and 19");
    if (order.oom_score_adj && (*order.oom_score_adj < -1000 || *order.oom_score_adj > 1000))
        return wrong("oom_score_adj is not within -1000 and 1000");
    return {};
}

Result<void> check_order(const LaunchOrder& order, std::size_t fd_count) {
    if (auto texts = check_texts(order); !texts)
        return texts;
    if (auto fds = check_fds(order, fd_count); !fds)
        return fds;
    return check_numbers(order);
}

} // namespace

std::string_view launch_step_name(LaunchStep step) {
    return step_names.at(static_cast<std::size_t>(step));
}

Result<std::string> encode_launch_order(const LaunchOrder& order, std::size_t fd_count) {
    if (auto checked = check_order(order, fd_count); !checked)
        return checked.error();
    std::string payload;
    Writer writer(payload);
    visit_members(order, [&](const auto& member) { writer.put(member); });
    if (payload.size() > launch_order_limit)
        return wrong("arguments and environment take " + std::to_string(payload.size()) +
                     " bytes, the limit is " + std::to_string(launch_order_limit));

    std::string message;
    message.reserve(launch_header_bytes + payload.size());
    Writer header(message);
    header.put(order_magic);
    header.put(launch_order_version);
    header.put(static_cast<std::uint32_t>(payload.size()));
    header.put(static_cast<std::uint32_t>(fd_count));
    message += payload;
    return message;
}

Result<LaunchHeader> decode_launch_header(std::span<const std::byte, launch_header_bytes> bytes) {
    std::uint32_t magic = 0;
    std::uint32_t version = 0;
    LaunchHeader header;
    Reader reader(bytes);
    reader.get(magic);
    reader.get(version);
    reader.get(header.payload_bytes);
    reader.get(header.fd_count);
    if (magic != order_magic)
        return wrong("what came does not start like one");
    if (version != launch_order_version)
        return wrong("version " + std::to_string(version) + ", this launcher understands version " +
                     std::to_string(launch_order_version));
    if (header.payload_bytes > launch_order_limit)
        return wrong(std::to_string(header.payload_bytes) + " bytes, the limit is " +
                     std::to_string(launch_order_limit));
    if (header.fd_count > launch_fd_limit)
        return wrong(std::to_string(header.fd_count) + " fds, the limit is " +
                     std::to_string(launch_fd_limit));
    return header;
}

Result<LaunchOrder> decode_launch_order(std::span<const std::byte> payload, std::size_t fd_count) {
    LaunchOrder order;
    Reader reader(payload);
    visit_members(order, [&](auto& member) { reader.get(member); });
    if (!reader.good())
        return wrong("cut off, or a length or a flag in it is wrong");
    if (!reader.at_end())
        return wrong("there are bytes after its end");
    if (auto checked = check_order(order, fd_count); !checked)
        return checked.error();
    return order;
}

std::string encode_launch_failure(const LaunchFailure& failure) {
    std::string message;
    Writer writer(message);
    writer.put(failure_magic);
    writer.put(static_cast<std::uint32_t>(failure.step));
    writer.put(failure.error);
    writer.put(failure.sentence.substr(0, sentence_limit));
    return message;
}

Result<std::optional<LaunchFailure>> decode_launch_failure(std::string_view bytes) {
    if (bytes.size() < failure_header_bytes)
        return std::optional<LaunchFailure>();
    std::uint32_t magic = 0;
    std::uint32_t step = 0;
    std::uint32_t length = 0;
    LaunchFailure failure;
    const auto all = std::as_bytes(std::span(bytes));
    Reader header(all.first(failure_header_bytes));
    header.get(magic);
    header.get(step);
    header.get(failure.error);
    header.get(length);
    if (magic != failure_magic || step >= step_names.size() || length > sentence_limit)
        return Error{"svc-launch sent something that is no failure report", 0};
    if (bytes.size() < failure_header_bytes + length)
        return std::optional<LaunchFailure>();
    if (bytes.size() > failure_header_bytes + length)
        return Error{"svc-launch sent more than one failure report", 0};
    failure.step = static_cast<LaunchStep>(step);
    failure.sentence = bytes.substr(failure_header_bytes);
    return std::optional<LaunchFailure>(std::move(failure));
}

} // namespace svc::wire
