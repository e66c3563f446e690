// The control methods: org.varlink.service and io.svc.Supervisor.
#pragma once

#include "svcd/front/backend.h"
#include "svcd/front/call_handler.h"

namespace svc::daemon {

class Waiting;

class Methods final : public CallHandler {
public:
    /// `backend` must outlive this.
    explicit Methods(Backend& backend) : backend_(backend) {}

    boost::asio::awaitable<void> handle(const wire::VarlinkCall& call, Caller& caller) override;

private:
    boost::asio::awaitable<void> reload(const wire::VarlinkCall& call, Caller& caller,
                                        rollout::CauseKind kind);
    /// From the request to its last reply.
    boost::asio::awaitable<void> roll_out(AdmissionRequest request, const wire::ReloadCall& options,
                                          const wire::VarlinkCall& call, Caller& caller);
    boost::asio::awaitable<void> scale(const wire::VarlinkCall& call, Caller& caller);
    boost::asio::awaitable<void> stop(const wire::VarlinkCall& call, Caller& caller);
    boost::asio::awaitable<void> events(const wire::VarlinkCall& call, Caller& caller);
    boost::asio::awaitable<void> status(const wire::VarlinkCall& call, Caller& caller);
    boost::asio::awaitable<void> metrics(Caller& caller);
    bool permitted(Caller& caller);

    // history_methods.cpp
    boost::asio::awaitable<void> undo(const wire::VarlinkCall& call, Caller& caller);
    void history(const wire::VarlinkCall& call, Caller& caller);
    void revision(const wire::VarlinkCall& call, Caller& caller);
    void timeline(const wire::VarlinkCall& call, Caller& caller);
    void diff(const wire::VarlinkCall& call, Caller& caller);
    void diff_with_file(Caller& caller);

    // follow_methods.cpp
    boost::asio::awaitable<void> follow(const wire::VarlinkCall& call, Caller& caller);
    boost::asio::awaitable<void> follow(const wire::FollowCall& wanted, Waiting& waiting);
    boost::asio::awaitable<void> upgrade(const wire::VarlinkCall& call, Caller& caller);

    // steering_methods.cpp
    void pause(const wire::VarlinkCall& call, Caller& caller);
    boost::asio::awaitable<void> resume(const wire::VarlinkCall& call, Caller& caller);
    boost::asio::awaitable<void> abort(const wire::VarlinkCall& call, Caller& caller);
    boost::asio::awaitable<void> promote(const wire::VarlinkCall& call, Caller& caller);
    boost::asio::awaitable<void> replace(const wire::VarlinkCall& call, Caller& caller);
    void freeze(const wire::VarlinkCall& call, Caller& caller);
    void unfreeze(const wire::VarlinkCall& call, Caller& caller);
    bool refused(Waiting& waiting, const std::string& why);

    Backend& backend_;
};

} // namespace svc::daemon
