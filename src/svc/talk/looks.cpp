#include "svc/talk/looks.h"

#include "os/clock.h"

#include <boost/json/value.hpp>

#include <algorithm>
#include <cerrno>
#include <climits>

namespace svc::cli {
namespace {

/// A supervisor that is well counts everything in less.
constexpr Duration longest_silence = std::chrono::seconds(3);

std::string problem_of(const Error& error) {
    switch (error.code) {
    case ENOENT:
    case ECONNREFUSED:
    case ECONNRESET:
        return "not running";
    case EACCES:
    case EPERM:
        return "not allowed to look";
    case ETIMEDOUT:
    case EAGAIN:
        return "does not answer";
    }
    return error.message;
}

} // namespace

std::vector<Service> Looks::services() const {
    if (names_.empty())
        return find_services(directories_);
    std::vector<Service> all;
    for (const auto& name : names_)
        if (auto service = choose_service(name, directories_, Duration::zero()))
            all.push_back(std::move(*service));
    return all;
}

void Looks::ask(Instant now) {
    const auto there = services();
    std::erase_if(peers_, [&](const auto& entry) {
        return std::none_of(there.begin(), there.end(), [&](const Service& service) {
            return service.name == entry.first &&
                   service.control == entry.second.sight.service.control;
        });
    });
    for (const Service& service : there) {
        Peer& peer = peers_[service.name];
        peer.sight.service = service;
        if (!peer.asked)
            ask(peer, now);
        else if (now - *peer.asked >= longest_silence)
            peer.sight.problem = "does not answer";
    }
}

void Looks::ask(Peer& peer, Instant now) {
    const Service& service = peer.sight.service;
    if (!peer.client) {
        auto client = Client::connect_at_once(service.control, service.name);
        if (!client) {
            lose(peer, client.error());
            return;
        }
        peer.client.emplace(std::move(*client));
    }
    boost::json::object parameters;
    if (how_ == How::closely)
        parameters["connections"] = true;
    if (how_ == How::closely && !peer.modest)
        parameters["usage"] = true;
    const auto sent = peer.client->send(make_call("Status", std::move(parameters), false), now);
    if (sent)
        peer.asked = now;
    else
        lose(peer, sent.error());
}

void Looks::lose(Peer& peer, const Error& why) {
    peer.client.reset();
    peer.asked.reset();
    peer.sight.answer.reset();
    peer.sight.problem = problem_of(why);
}

bool Looks::take(Peer& peer, Instant now) {
    auto reply = peer.client->receive(now);
    if (!reply && reply.error().code == ETIMEDOUT)
        return false;
    peer.asked.reset();
    if (!reply) {
        lose(peer, reply.error());
        return true;
    }
    if (!peer.modest && reply->error == "org.varlink.service.InvalidParameter") {
        peer.modest = true;
        peer.client.reset();
        ask(peer, now);
        return false;
    }
    auto answer = read_status(std::move(*reply), peer.sight.service);
    if (!answer) {
        lose(peer, answer.error());
        return true;
    }
    peer.sight.answer.emplace(std::move(*answer));
    peer.sight.problem.clear();
    peer.sight.at = now;
    return true;
}

bool Looks::take(Instant now) {
    bool any = false;
    for (auto& [name, peer] : peers_)
        if (peer.asked)
            any = take(peer, now) || any;
    return any;
}

void Looks::add_to(std::vector<pollfd>& fds) const {
    for (const auto& [name, peer] : peers_)
        if (peer.asked)
            fds.push_back({peer.client->fd(), POLLIN, 0});
}

bool Looks::waits() const {
    return std::any_of(peers_.begin(), peers_.end(),
                       [](const auto& entry) { return entry.second.asked.has_value(); });
}

std::vector<Sight> Looks::sights() const {
    std::vector<Sight> all;
    for (const auto& [name, peer] : peers_)
        all.push_back(peer.sight);
    return all;
}

boost::json::array json_of(const std::vector<Sight>& sights) {
    boost::json::array all;
    for (const auto& sight : sights) {
        boost::json::object object{{"service", sight.service.name},
                                   {"control", sight.service.control}};
        if (sight.answer && sight.problem.empty())
            object["status"] = sight.answer->json;
        else
            object["problem"] = sight.problem;
        all.emplace_back(std::move(object));
    }
    return all;
}

void Looks::look_once(Duration patience) {
    const Instant until = os::now() + patience;
    ask(os::now());
    for (;;) {
        take(os::now());
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - os::now()).count();
        if (!waits() || left <= 0)
            break;
        std::vector<pollfd> fds;
        add_to(fds);
        ::poll(fds.data(), fds.size(), static_cast<int>(std::min<std::int64_t>(left, INT_MAX)));
    }
    for (auto& [name, peer] : peers_)
        if (peer.asked)
            peer.sight.problem = "does not answer";
}

} // namespace svc::cli
