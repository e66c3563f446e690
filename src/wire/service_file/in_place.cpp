// [rollout] in_place: how a worker reloads itself.
#include "wire/service_file/sections.h"

namespace svc::wire::service_file {

void read_in_place(Table& rollout, std::optional<rollout::InPlaceSpec>& in_place) {
    constexpr std::string_view example =
        R"({ reload = { signal = "SIGHUP" }, verify = { exec = ["/usr/local/bin/check"] } })";
    // Each is bounded by ready.timeout, and what follows from its failure is not for choice.
    const HookDefaults of_the_reload{
        {}, rollout::HookFailure::fail, "a reload that fails is always a failed rollout"};
    const HookDefaults of_the_revert{
        {}, rollout::HookFailure::fail, "a worker that cannot be reverted is always replaced"};
    auto found = rollout.read_table("in_place", example);
    if (!found)
        return;
    Table& table = *found;
    std::optional<rollout::HookSpec> reload;
    rollout::InPlaceSpec made;
    read_hook(table, "reload", of_the_reload, reload);
    read_hook(table, "verify", of_the_reload, made.verify);
    read_hook(table, "revert", of_the_revert, made.revert);
    if (!table.has("reload"))
        rollout.refuse("in_place",
                       "it does not say how a worker reloads itself; write in_place = " +
                           std::string(example));
    table.finish();
    if (!reload)
        return;
    made.reload = std::move(*reload);
    in_place = std::move(made);
}

} // namespace svc::wire::service_file
