#include "svcd/host/history/contents.h"

#include "os/executable.h"

namespace svc::daemon {

namespace {

/// A service has one executable and one program; each release has another path.
constexpr std::size_t known_limit = 64;

} // namespace

std::optional<std::string> Contents::find(const std::string& path, const os::FileStat& stat) const {
    if (stat.size > os::digest_limit)
        return std::string();
    const auto found = known_.find(path);
    if (found == known_.end() || !(found->second.stat == stat))
        return std::nullopt;
    return found->second.digest;
}

void Contents::keep(const std::string& path, const os::FileStat& stat, std::string digest) {
    if (known_.size() >= known_limit && !known_.contains(path))
        known_.clear();
    known_.insert_or_assign(path, Content{stat, std::move(digest)});
}

} // namespace svc::daemon
