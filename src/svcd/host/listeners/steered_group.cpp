#include "svcd/host/listeners/steered_group.h"

#include "os/listener_socket.h"
#include "os/reuseport.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace svc::daemon {

Result<void> SteeredGroup::add(rollout::RevisionNumber revision, int fd) {
    members_.push_back({revision, fd, false});
    return steer();
}

Result<void> SteeredGroup::use(rollout::RevisionNumber revision) {
    return set_used(revision, true);
}

Result<void> SteeredGroup::pass_over(rollout::RevisionNumber revision) {
    return set_used(revision, false);
}

Result<void> SteeredGroup::set_used(rollout::RevisionNumber revision, bool used) {
    bool news = false;
    for (Member& member : members_)
        if (member.revision == revision)
            news = std::exchange(member.used, used) != used;
    return news ? steer() : Result<void>();
}

Result<void> SteeredGroup::hand_over(rollout::RevisionNumber from, rollout::RevisionNumber to) {
    for (Member& member : members_)
        if (member.revision == from)
            member.revision = to;
    return steer();
}

Result<void> SteeredGroup::restore(std::vector<Member> members) {
    members_ = std::move(members);
    return steer();
}

SteeredGroup::Member SteeredGroup::take_out(std::vector<Member>& members, int fd) {
    const auto found = std::find_if(members.begin(), members.end(),
                                    [fd](const Member& member) { return member.fd == fd; });
    if (found == members.end())
        fatal("a socket that is in no group of its listener");
    const Member taken = *found;
    *found = members.back();
    members.pop_back();
    return taken;
}

Result<void> SteeredGroup::moved_to_end(int fd) {
    const Member member = take_out(members_, fd);
    members_.push_back(member);
    return steer();
}

Result<void> SteeredGroup::remove(int fd) {
    take_out(members_, fd);
    os::stop_listening(fd);
    return steer();
}

Result<void> SteeredGroup::steer() const {
    if (members_.empty())
        return {};
    const auto newest =
        std::max_element(members_.begin(), members_.end(), [](const Member& a, const Member& b) {
            return std::tie(a.used, a.revision) < std::tie(b.used, b.revision);
        });
    return os::steer_group(newest->fd, static_cast<std::uint32_t>(newest - members_.begin()));
}

} // namespace svc::daemon
