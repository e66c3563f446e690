#include "svc/talk/measured.h"

#include "os/clock.h"
#include "svc/talk/glance.h"

#include <cerrno>
#include <climits>
#include <optional>
#include <poll.h>

namespace svc::cli {
namespace {

using Families = std::vector<wire::MetricFamily>;

Error no_answer() {
    return Error{"its supervisor does not answer; see what it does: systemctl status, or kill it: "
                 "its workers serve on",
                 ETIMEDOUT};
}

Result<Families> read_reply(Result<wire::VarlinkReply> reply, const Service& service) {
    if (!reply)
        return reply.error();
    if (!reply->error.empty())
        return Error{"its supervisor has no metrics (" + reply->error +
                     "); go on with the new one: svc upgrade " + service.name};
    auto answer = wire::from_json<wire::MetricsReply>(reply->parameters);
    if (!answer)
        return Error{"its answer is not understood: " + answer.error().message};
    return std::move(answer->families);
}

/// asked → answered, or given up: `glance` is there for as long as it is waited for.
struct Asked {
    Service service;
    std::optional<Glance> glance;
    Result<Families> families = no_answer();
};

Asked ask(const Service& service) {
    Asked asked{service, {}};
    auto glance = Glance::ask(service, make_call("Metrics", {}, false));
    if (glance)
        asked.glance.emplace(std::move(*glance));
    else if (glance.error().code != EAGAIN && glance.error().code != ETIMEDOUT)
        asked.families = glance.error();
    return asked;
}

void take(Asked& asked) {
    auto reply = asked.glance->take();
    if (!reply)
        return;
    asked.families = read_reply(std::move(*reply), asked.service);
    asked.glance.reset();
}

void wait_for(std::vector<Asked>& all, Instant until) {
    for (;;) {
        std::vector<pollfd> fds;
        std::vector<Asked*> owing;
        for (Asked& asked : all) {
            if (!asked.glance)
                continue;
            fds.push_back({asked.glance->fd(), POLLIN, 0});
            owing.push_back(&asked);
        }
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - os::now()).count();
        if (fds.empty() || left <= 0)
            return;
        ::poll(fds.data(), fds.size(), static_cast<int>(std::min<std::int64_t>(left, INT_MAX)));
        for (std::size_t index = 0; index < fds.size(); ++index)
            if (fds[index].revents != 0)
                take(*owing[index]);
    }
}

} // namespace

std::vector<Measured> measure(const std::vector<Service>& services, Duration patience) {
    const Instant until = os::now() + patience;
    std::vector<Asked> all;
    all.reserve(services.size());
    for (const Service& service : services)
        all.push_back(ask(service));
    wait_for(all, until);
    std::vector<Measured> measured;
    measured.reserve(all.size());
    for (Asked& asked : all)
        measured.push_back({std::move(asked.service), std::move(asked.families)});
    return measured;
}

} // namespace svc::cli
