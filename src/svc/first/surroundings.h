// What `svc init` looks at on this machine. A test has another one.
#pragma once

#include "os/reach.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace svc::cli {

struct Surroundings {
    std::string directory; ///< where svc was called, absolute
    bool root = false;
    std::uint32_t processors = 1;
    std::string owner;               ///< of the directory; empty: root, or nobody knows the name
    std::vector<std::string> search; ///< the directories of PATH
    /// Names in a directory, sorted; a relative one is below `directory`.
    std::function<std::vector<std::string>(const std::string& directory)> list;
    /// The beginning of a regular file, or nothing.
    std::function<std::optional<std::string>(const std::string& path)> read;
    std::function<bool(const std::string& path)> is_executable; ///< an ELF file
    std::function<bool(const std::string& path)> is_program; ///< what may be executed, a script too
    /// The path of a program in PATH, or empty.
    std::function<std::string(const std::string& name)> find_program;
    std::function<bool(const std::string& name)> has_user;
    /// What keeps a user from the first of these that it cannot use, and what permits it, in words; empty: nothing
    /// does, or nobody can tell. Only asked by root.
    std::function<std::string(const std::string& user, const std::vector<os::Use>& uses)> obstacle;
    /// Nobody listens on this TCP port of 127.0.0.1.
    std::function<bool(std::uint16_t port)> is_free;

    [[nodiscard]] bool has(const std::string& path) const { return read(path).has_value(); }
};

Surroundings look_around();

} // namespace svc::cli
