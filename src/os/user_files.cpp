#include "os/reach.h"

#include "base/text.h"

#include <algorithm>
#include <charconv>
#include <functional>

namespace svc::os {

namespace {

constexpr std::size_t largest_file = 4u << 20;

/// passwd(5) and group(5) are lines of fields between colons.
std::vector<std::string> fields_of(std::string_view line) {
    std::vector<std::string> fields;
    for (std::size_t at = 0; at <= line.size();) {
        const auto end = std::min(line.find(':', at), line.size());
        fields.emplace_back(line.substr(at, end - at));
        at = end + 1;
    }
    return fields;
}

/// Until `wanted` has found what it looks for.
void each_line(const std::string& path,
               const std::function<bool(const std::vector<std::string>& fields)>& wanted) {
    const auto text = read_file(path, largest_file);
    if (!text)
        return;
    std::string_view rest = *text;
    while (!rest.empty()) {
        const auto line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(std::min(line.size() + 1, rest.size()));
        if (wanted(fields_of(line)))
            return;
    }
}

std::optional<std::uint32_t> number_of(const std::string& text) {
    std::uint32_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    // -1 is "no change" to setresuid(2), and never an id.
    return error == std::errc() && end == text.data() + text.size() && !text.empty() &&
                   number != ~std::uint32_t{0}
               ? std::optional(number)
               : std::nullopt;
}

/// A name that is a number is one, as for find_user().
bool is_called(const std::string& wanted, const std::string& name, std::uint32_t id) {
    const auto number = number_of(wanted);
    return number ? *number == id : wanted == name;
}

std::vector<gid_t> groups_with(const std::string& user, gid_t primary) {
    std::vector<gid_t> groups = {primary};
    each_line("/etc/group", [&](const auto& fields) {
        const auto gid = fields.size() >= 4 ? number_of(fields[2]) : std::nullopt;
        const auto has = [&](std::string_view members) {
            for (std::size_t at = 0; at < members.size();) {
                const auto end = std::min(members.find(',', at), members.size());
                if (members.substr(at, end - at) == user)
                    return true;
                at = end + 1;
            }
            return false;
        };
        if (gid && *gid != primary && has(fields[3]))
            groups.push_back(*gid);
        return false;
    });
    return groups;
}

} // namespace

std::optional<User> user_in_files(const std::string& name) {
    std::optional<User> found;
    each_line("/etc/passwd", [&](const auto& fields) {
        const auto uid = fields.size() >= 4 ? number_of(fields[2]) : std::nullopt;
        const auto gid = uid ? number_of(fields[3]) : std::nullopt;
        if (gid && is_called(name, fields[0], *uid))
            found = User{.uid = *uid, .gid = *gid, .name = fields[0]};
        return found.has_value();
    });
    if (found)
        found->groups = groups_with(found->name, found->gid);
    else if (const auto number = number_of(name))
        found = User{.uid = *number, .gid = *number, .groups = {}};
    return found;
}

std::optional<gid_t> group_in_files(const std::string& name) {
    std::optional<gid_t> found = number_of(name);
    each_line("/etc/group", [&](const auto& fields) {
        const auto gid = fields.size() >= 3 ? number_of(fields[2]) : std::nullopt;
        if (gid && is_called(name, fields[0], *gid))
            found = *gid;
        return gid && found == gid;
    });
    return found;
}

std::string user_name_in_files(uid_t uid) {
    const auto found = user_in_files(std::to_string(uid));
    return found ? found->name : std::string();
}

} // namespace svc::os
