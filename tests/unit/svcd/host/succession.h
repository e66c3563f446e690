// Succession: one supervisor's table of listeners after another, and the store of fds that stays.
#pragma once

#include "../../os/support.h"
#include "house.h"
#include "svcd/host/listeners/listeners.h"
#include "wire/json_read.h"
#include "wire/json_write.h"

#include <boost/json/parse.hpp>

#include <cstdlib>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace svc::daemon::test {

using rollout::ListenerScope;
using rollout::ListenerSpec;
using rollout::Spec;

inline ListenerSpec listener_of(const std::string& name, const std::string& address,
                                ListenerScope scope = ListenerScope::service) {
    ListenerSpec listener;
    listener.name = name;
    listener.address = svc::test::address_of(address);
    listener.scope = scope;
    return listener;
}

inline Spec spec_of(std::vector<ListenerSpec> listeners) {
    Spec spec;
    spec.listeners = std::move(listeners);
    return spec;
}

/// What systemd, or svc-keeper, is to a supervisor.
class Keeper {
public:
    Keeper() {
        auto made = os::open_notify_socket(path(), std::nullopt, false);
        REQUIRE(made.ok());
        socket_ = std::move(*made);
    }
    [[nodiscard]] std::shared_ptr<const os::ManagerSocket> seen_from_below() const {
        REQUIRE(::setenv("NOTIFY_SOCKET", path().c_str(), 1) == 0);
        return std::make_shared<const os::ManagerSocket>(os::ManagerSocket::take());
    }
    /// Reads what it was told.
    std::map<std::string, UniqueFd>& held() {
        for (;;) {
            auto datagram = os::receive_datagram(socket_.get());
            REQUIRE(datagram.ok());
            if (!*datagram)
                return held_;
            const std::string& text = (*datagram)->bytes;
            const auto begin = text.find("FDNAME=") + 7;
            const std::string name = text.substr(begin, text.find('\n', begin) - begin);
            if (text.starts_with("FDSTOREREMOVE=1"))
                held_.erase(name);
            else if (text.starts_with("FDSTORE=1"))
                held_[name] = std::move((*datagram)->fds.at(0));
        }
    }
    [[nodiscard]] std::vector<std::string> names() {
        std::vector<std::string> result;
        for (const auto& [name, fd] : held())
            result.push_back(name);
        return result;
    }
    /// What the next supervisor finds at its start.
    KeptFds hand_back() {
        std::map<std::string, UniqueFd> copies;
        for (const auto& [name, fd] : held())
            copies.emplace(name, UniqueFd(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 3)));
        return KeptFds(std::move(copies));
    }

private:
    [[nodiscard]] std::string path() const { return directory_.path() + "/manager"; }
    TemporaryDirectory directory_;
    UniqueFd socket_;
    std::map<std::string, UniqueFd> held_;
};

/// One supervisor's table. When it goes nothing is said or done: as if it was killed.
struct Supervisor {
    Supervisor(const Keeper& keeper, const std::string& runtime_dir)
        : settings(settings_in(runtime_dir)), store(io, keeper.seen_from_below()),
          listeners(io, settings, store, {}, [this](ListenerTable::News, const std::string& text) {
              reports += text + "\n";
          }) {}
    static Settings settings_in(const std::string& runtime_dir) {
        Settings settings;
        settings.runtime_dir = runtime_dir;
        return settings;
    }
    /// What was seen by itself is repaired.
    void run() {
        io.restart();
        while (io.run_for(std::chrono::milliseconds(20)) != 0)
            io.restart();
    }
    [[nodiscard]] int fd(const Spec& spec, std::size_t which = 0,
                         rollout::RevisionNumber revision = 0) {
        return listeners.passed_to(spec, revision).fds.at(which);
    }
    [[nodiscard]] bool reported(const std::string& text) const {
        return reports.find(text) != std::string::npos;
    }

    boost::asio::io_context io{1};
    Settings settings;
    FdStore store;
    std::string reports;
    ListenerTable listeners;
};

using Records = std::vector<wire::ListenerRecord>;

struct Succession {
    Keeper keeper;
    TemporaryDirectory directory;
    std::optional<Supervisor> now{std::in_place, keeper, directory.path()};

    /// The text that the next one reads.
    [[nodiscard]] std::string written() const {
        std::string text;
        wire::json_codec::write(text, now->listeners.records());
        return text;
    }
    static Records parsed(const std::string& text) {
        Records records;
        wire::json_codec::Failure failure;
        REQUIRE(wire::json_codec::read(boost::json::parse(text), records, {}, failure));
        return records;
    }
    /// The supervisor dies and the next one has not begun to do anything.
    void die() {
        now.reset();
        now.emplace(keeper, directory.path());
    }
    Result<void> restore(const Records& records) {
        auto kept = keeper.hand_back();
        return now->listeners.restore(records, kept);
    }
    void succeed() {
        const auto text = written();
        die();
        const auto restored = restore(parsed(text));
        REQUIRE_MESSAGE(restored.ok(), (restored.ok() ? "" : restored.error().message));
    }
    [[nodiscard]] std::string links() const { return directory.path() + "/links"; }
    [[nodiscard]] std::string path(const std::string& name) const {
        return directory.path() + "/" + name;
    }
    [[nodiscard]] Address address(const Spec& spec, std::size_t which = 0) const {
        return svc::test::address_of(now->listeners.status(spec).at(which).address);
    }
};

} // namespace svc::daemon::test
