// Looks at many services at once.
#pragma once

#include "svc/talk/client.h"
#include "svc/talk/conversation.h"

#include <boost/json/array.hpp>

#include <map>
#include <poll.h>

namespace svc::cli {

/// A service as it was seen last.
struct Sight {
    Service service;
    std::optional<StatusAnswer> answer; ///< the last one; none once its supervisor is gone
    Instant at{};                       ///< when that came
    std::string problem;                ///< why there is none, or none that is new: "not running"
};

/// As --json has them: List in svc(1).
boost::json::array json_of(const std::vector<Sight>& sights);

/// Asks any number of supervisors for their Status and waits for none of them: one that hangs does not hold up the
/// others.
///
///   absent ─ ask(): connected, asked → waits ─ take(): answered → seen ─ ask() → waits
///     ▲                                  │                          what it said stays; a Sight is replaced whole
///     └──── refused, hung up ────────────┘ asked again only once it has answered
///
/// What can never happen: a second question to who has not answered the first one.
class Looks {
public:
    /// With what is found by looking for it (connections, memory), or only with what a supervisor knows by heart.
    enum class How { closely, quickly };
    /// `names` empty: all that there are at each ask().
    Looks(std::vector<std::string> directories, std::vector<std::string> names,
          How how = How::closely)
        : directories_(std::move(directories)), names_(std::move(names)), how_(how) {}

    /// Looks which services there are, and asks those that owe no answer.
    void ask(Instant now);
    /// Takes the answers that have come; whether there were any.
    bool take(Instant now);
    /// Those of whom an answer is waited for.
    void add_to(std::vector<pollfd>& fds) const;
    [[nodiscard]] bool waits() const;
    /// By name.
    [[nodiscard]] std::vector<Sight> sights() const;

    /// ask(), and take() until nobody is waited for, or for `patience`.
    void look_once(Duration patience);

private:
    struct Peer {
        Sight sight;
        std::optional<Client> client;
        std::optional<Instant> asked; ///< it has not answered
        bool modest = false;          ///< an older one, which cannot say what workers use
    };
    [[nodiscard]] std::vector<Service> services() const;
    void ask(Peer& peer, Instant now);
    bool take(Peer& peer, Instant now);
    static void lose(Peer& peer, const Error& why);

    std::vector<std::string> directories_;
    std::vector<std::string> names_;
    How how_;
    std::map<std::string, Peer> peers_;
};

} // namespace svc::cli
