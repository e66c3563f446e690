#include "keeper/store.h"

#include <algorithm>
#include <utility>

namespace svc::keeper {

bool Store::put(std::string name, UniqueFd fd) {
    if (fds_.size() >= fd_limit_ || bytes_ + name.size() + 1 > byte_limit_)
        return false;
    bytes_ += name.size() + 1;
    fds_.push_back({std::move(name), std::move(fd)});
    return true;
}

void Store::remove(std::string_view name) {
    bytes_ -= std::erase_if(fds_, [&](const NamedFd& each) { return each.name == name; }) *
              (name.size() + 1);
}

bool Store::contains(std::string_view name) const {
    return std::any_of(fds_.begin(), fds_.end(),
                       [&](const NamedFd& each) { return each.name == name; });
}

} // namespace svc::keeper
