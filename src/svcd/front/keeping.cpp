#include "svcd/front/keeping.h"

#include "base/result.h"

#include <cerrno>
#include <filesystem>
#include <string_view>
#include <unistd.h>

namespace svc::daemon {

namespace {

constexpr std::string_view option = "--keeper";

bool asks(const std::vector<std::string>& arguments) {
    return !arguments.empty() && arguments.front() == option;
}

} // namespace

Keeping find_keeping(const std::vector<std::string>& arguments, bool is_process_1,
                     bool has_manager) {
    if (asks(arguments))
        return Keeping::wanted;
    return is_process_1 && !has_manager ? Keeping::as_init : Keeping::none;
}

std::string become_keeper(const std::string& path, std::vector<std::string> arguments) {
    std::error_code error;
    const std::string own = std::filesystem::read_symlink("/proc/self/exe", error).string();
    if (error)
        return "cannot read /proc/self/exe (is /proc mounted?): " + error.message();
    if (asks(arguments))
        arguments.erase(arguments.begin());
    arguments.insert(arguments.begin(), {path, own});
    std::vector<char*> pointers;
    pointers.reserve(arguments.size() + 1);
    for (std::string& each : arguments)
        pointers.push_back(each.data());
    pointers.push_back(nullptr);
    ::execv(path.c_str(), pointers.data());
    return system_error("cannot execute " + path, errno).message;
}

} // namespace svc::daemon
