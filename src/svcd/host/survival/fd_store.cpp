#include "svcd/host/survival/fd_store.h"

#include "os/fd.h"
#include "svcd/host/children/loop.h"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <cstdint>
#include <deque>
#include <numeric>
#include <set>
#include <utility>

namespace svc::daemon {

namespace {

/// Until a manager that had no room is tried again: the first time, and at most. Its queue may be as
/// short as ten messages (net.unix.max_dgram_qlen) and be empty again in no time.
constexpr Duration first_retry = std::chrono::milliseconds(2);
constexpr Duration longest_retry = std::chrono::milliseconds(100);

/// Of all names with a colon after each, because they come back in one variable, LISTEN_FDNAMES, and an exec
/// with one over 128 KiB fails (execve(2), MAX_ARG_STRLEN): there would be no next supervisor. Some of it is
/// for the names of a .socket unit.
constexpr std::size_t name_bytes_limit = std::size_t{120} * 1024;

enum class Kind { put, remove, barrier };

/// What was asked for and not sent yet.
struct Message {
    Kind kind;
    std::string name;          ///< of a put or remove
    UniqueFd fd;               ///< of a put; of a barrier the write end of its pipe
    std::uint64_t barrier = 0; ///< its number
};

std::size_t bytes_of(const std::set<std::string>& names) {
    return std::accumulate(
        names.begin(), names.end(), std::size_t{0},
        [](std::size_t sum, const std::string& name) { return sum + name.size() + 1; });
}

std::string text_of(const Message& message) {
    switch (message.kind) {
    case Kind::put:
        // FDPOLL=0: without it systemd drops a pidfd when its process ends, and a listener that a worker
        // shut down.
        return "FDSTORE=1\nFDNAME=" + message.name + "\nFDPOLL=0";
    case Kind::remove:
        return "FDSTOREREMOVE=1\nFDNAME=" + message.name;
    case Kind::barrier:
        break;
    }
    return "BARRIER=1";
}

struct Barrier {
    Barrier(boost::asio::io_context& io, Watch read_end) : end(std::move(read_end)), bound(io) {}
    Watch end;
    Alarm bound;
    std::function<void(bool)> then;
};

} // namespace

UniqueFd KeptFds::take(const std::string& name) {
    const auto found = fds_.find(name);
    if (found == fds_.end())
        return {};
    UniqueFd fd = std::move(found->second);
    fds_.erase(found);
    return fd;
}

std::vector<std::string> KeptFds::names() const {
    std::vector<std::string> result;
    for (const auto& [name, fd] : fds_)
        result.push_back(name);
    return result;
}

/// In the queue there are of one name at most a remove and, behind it, a put: what is put again before it
/// was sent takes the place of the older fd, what is removed before it was sent is not sent at all. So the
/// queue is never longer than what is, or was, in the store, however long the manager does not read.
///
///   barrier: queued ─ sent → end-of-file: true, if the manager is there to have closed it
///               └───────┴─ bound over, or something before it was lost: false
struct FdStore::Impl : std::enable_shared_from_this<Impl> {
    Impl(boost::asio::io_context& loop, std::shared_ptr<const os::ManagerSocket> socket)
        : io(loop), manager(std::move(socket)), retry(loop) {}

    [[nodiscard]] bool present() const { return manager && manager->present(); }
    Message* unsent(Kind kind, const std::string& name);
    void lose(std::string why);
    void put(const std::string& name, int fd);
    void remove(const std::string& name);
    void barrier(Duration time, std::function<void(bool)> then);
    void answer(std::uint64_t number, bool confirmed);
    void answer_soon(std::function<void(bool)> then);
    void handle_end(std::uint64_t number);
    void handle_bound(std::uint64_t number, Duration time);
    void fail(std::uint64_t number);
    bool settle(Message& message);
    void send();

    boost::asio::io_context& io;
    std::shared_ptr<const os::ManagerSocket> manager;
    std::set<std::string> held;   ///< what the manager has, as far as it was told
    std::set<std::string> wanted; ///< what it will have once all is sent
    std::deque<Message> queue;
    std::map<std::uint64_t, std::unique_ptr<Barrier>> barriers;
    std::uint64_t last_barrier = 0;
    bool lost = false; ///< something since the last barrier
    std::string problem;
    Alarm retry;
    Duration retry_after = first_retry;
    std::map<std::string, int> fds;    ///< by name; the callers'
    std::vector<std::string> released; ///< to be removed by settle()
};

Message* FdStore::Impl::unsent(Kind kind, const std::string& name) {
    const auto found = std::find_if(queue.begin(), queue.end(), [&](const Message& message) {
        return message.kind == kind && message.name == name;
    });
    return found == queue.end() ? nullptr : &*found;
}

void FdStore::Impl::lose(std::string why) {
    lost = true;
    problem = std::move(why);
}

void FdStore::Impl::put(const std::string& name, int fd) {
    if (!wanted.contains(name)) {
        if (const auto limit = manager->store_limit(); limit && wanted.size() >= *limit)
            return lose(name + " is one fd more than the store of fds takes (" +
                        std::to_string(*limit) +
                        "); raise FileDescriptorStoreMax=, or with svc-keeper LimitNOFILE=");
        if (bytes_of(wanted) + name.size() + 1 > name_bytes_limit)
            return lose(name +
                        " is one fd too many: the next supervisor could not be told of it, for "
                        "their names are longer than one variable may be");
    }
    auto copy = os::duplicate(fd);
    if (!copy)
        return lose("cannot store " + name + ": " + copy.error().message);
    wanted.insert(name);
    if (Message* older = unsent(Kind::put, name)) {
        older->fd = std::move(*copy);
        return;
    }
    if (held.contains(name) && unsent(Kind::remove, name) == nullptr)
        queue.push_back({.kind = Kind::remove, .name = name});
    queue.push_back({.kind = Kind::put, .name = name, .fd = std::move(*copy)});
    send();
}

void FdStore::Impl::remove(const std::string& name) {
    wanted.erase(name);
    std::erase_if(queue, [&](const Message& message) {
        return message.kind == Kind::put && message.name == name;
    });
    if (held.contains(name) && unsent(Kind::remove, name) == nullptr)
        queue.push_back({.kind = Kind::remove, .name = name});
    send();
}

void FdStore::Impl::answer_soon(std::function<void(bool)> then) {
    boost::asio::post(io, [weak = weak_from_this(), then = std::move(then)] {
        if (const auto self = weak.lock())
            then(false);
    });
}

void FdStore::Impl::answer(std::uint64_t number, bool confirmed) {
    const auto found = barriers.find(number);
    if (found == barriers.end())
        return;
    const auto then = std::move(found->second->then);
    barriers.erase(found);
    std::erase_if(queue, [&](const Message& message) { return message.barrier == number; });
    then(confirmed);
}

void FdStore::Impl::barrier(Duration time, std::function<void(bool)> then) {
    auto ends = os::make_pipe();
    if (!ends) {
        problem = ends.error().message;
        return answer_soon(std::move(then));
    }
    auto watch = Watch::make(io, std::move(ends->read_end));
    if (!watch) {
        problem = watch.error().message;
        return answer_soon(std::move(then));
    }
    const std::uint64_t number = ++last_barrier;
    auto barrier = std::make_unique<Barrier>(io, std::move(*watch));
    barrier->then = std::move(then);
    barrier->end.when_readable([this, number] { handle_end(number); });
    barrier->bound.after(time, [this, number, time] { handle_bound(number, time); });
    barriers.emplace(number, std::move(barrier));
    queue.push_back({.kind = Kind::barrier, .fd = std::move(ends->write_end), .barrier = number});
    send();
}

/// End-of-file: nobody has the other end any more.
void FdStore::Impl::handle_end(std::uint64_t number) {
    // A manager that died without reading closes it too.
    const bool there = manager->reachable();
    if (!there)
        problem = "the service manager is gone";
    answer(number, there);
}

void FdStore::Impl::handle_bound(std::uint64_t number, Duration time) {
    problem =
        "the service manager did not take in within " + format_duration(time) + " what it was told";
    answer(number, false);
}

/// A barrier that has something lost before it.
void FdStore::Impl::fail(std::uint64_t number) {
    lost = false;
    const auto found = barriers.find(number);
    answer_soon(std::move(found->second->then));
    barriers.erase(found); // its pipe ends with the message: handle_end() must not be asked
}

/// Puts it behind us, sent or lost. False: the manager has no room.
bool FdStore::Impl::settle(Message& message) {
    if (message.kind == Kind::barrier && lost) {
        fail(message.barrier);
        return true;
    }
    const auto sent = manager->try_send(text_of(message), message.fd.get());
    if (sent && !*sent)
        return false;
    if (!sent)
        lose(sent.error().message);
    if (message.kind == Kind::barrier && !sent)
        fail(message.barrier);
    else if (message.kind == Kind::put && !sent)
        wanted.erase(message.name);
    else if (message.kind == Kind::put)
        held.insert(message.name);
    else if (message.kind == Kind::remove && sent)
        held.erase(message.name);
    return true;
}

void FdStore::Impl::send() {
    while (!queue.empty()) {
        if (!settle(queue.front())) {
            retry.after(retry_after, [this] { send(); });
            retry_after = std::min(2 * retry_after, longest_retry);
            return;
        }
        queue.pop_front();
        retry_after = first_retry;
    }
    retry.cancel();
}

FdStore::FdStore(boost::asio::io_context& io, std::shared_ptr<const os::ManagerSocket> manager)
    : impl_(std::make_shared<Impl>(io, std::move(manager))) {}

FdStore::~FdStore() = default;

bool FdStore::is_settled() const {
    return !present() || (impl_->queue.empty() &&
                          std::all_of(impl_->fds.begin(), impl_->fds.end(), [&](const auto& fd) {
                              return impl_->held.contains(fd.first);
                          }));
}

bool FdStore::present() const {
    return impl_->present();
}

void FdStore::put(const std::string& name, int fd) {
    std::erase(impl_->released, name);
    impl_->fds[name] = fd;
    if (present())
        impl_->put(name, fd);
}

void FdStore::release(std::string name) {
    impl_->fds.erase(name); // it may be closed from now on
    impl_->released.push_back(std::move(name));
}

void FdStore::settle() {
    for (const std::string& name : std::exchange(impl_->released, {}))
        remove(name);
}

void FdStore::remove_all(const std::string& first) {
    remove(first);
    impl_->released.clear();
    for (const std::string& name : std::set<std::string>(impl_->wanted))
        remove(name);
}

void FdStore::hold(const std::string& name, int fd) {
    impl_->fds[name] = fd;
}

std::vector<std::pair<std::string, int>> FdStore::all() const {
    return {impl_->fds.begin(), impl_->fds.end()};
}

void FdStore::remove(const std::string& name) {
    impl_->fds.erase(name);
    if (present())
        impl_->remove(name);
}

void FdStore::barrier(Duration bound, std::function<void(bool)> then) {
    if (present())
        impl_->barrier(bound, std::move(then));
    else
        impl_->answer_soon(std::move(then));
}

void FdStore::know(const std::vector<std::string>& names) {
    impl_->held.insert(names.begin(), names.end());
    impl_->wanted.insert(names.begin(), names.end());
}

const std::string& FdStore::problem() const {
    return impl_->problem;
}

} // namespace svc::daemon
