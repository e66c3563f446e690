#include "loadgen/generator.h"

#include "loadgen/target.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace svc::loadgen {

namespace {

constexpr std::uint64_t signal_key = 0;
constexpr std::uint64_t control_key = 1;
constexpr std::uint64_t first_client_key = 2;

constexpr int most_begun_at_once = 64; // then the connections that we have get their turn
constexpr std::size_t longest_command = 256;

std::string format_request(const Options& options, const char* connection) {
    return "GET " + options.path + " HTTP/1.1\r\nHost: " + options.host +
           "\r\nConnection: " + connection + "\r\n\r\n";
}

} // namespace

Instant now() {
    timespec time{};
    ::clock_gettime(CLOCK_MONOTONIC, &time);
    return Instant(std::chrono::seconds(time.tv_sec) +
                   std::chrono::duration_cast<Duration>(std::chrono::nanoseconds(time.tv_nsec)));
}

Generator::Generator(const Options& options)
    : options_(options), fresh_request_(format_request(options, "close")),
      keep_alive_request_(format_request(options, "keep-alive")), next_key_(first_client_key) {}

Result<void> Generator::set_up() {
    address_size_ = socket_address(options_.target, address_);
    epoll_.reset(::epoll_create1(EPOLL_CLOEXEC));
    sigset_t stop;
    ::sigemptyset(&stop);
    ::sigaddset(&stop, SIGTERM);
    ::sigaddset(&stop, SIGINT);
    ::sigprocmask(SIG_BLOCK, &stop, nullptr);
    signals_.reset(::signalfd(-1, &stop, SFD_NONBLOCK | SFD_CLOEXEC));
    epoll_event event{.events = EPOLLIN, .data = {.u64 = signal_key}};
    if (!epoll_ || !signals_ ||
        ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, signals_.get(), &event) < 0)
        return system_error("cannot set up the event loop", errno);
    event.data.u64 = control_key;
    if (options_.control && ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, STDIN_FILENO, &event) < 0)
        return system_error("--control needs a pipe or a terminal as stdin", errno);
    // The default slack of 50 us (prctl(2)) would be a systematic lag of every request.
    ::prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);

    started_ = now();
    // Spread over one period, so that the clients do not come in a burst.
    const double period = 1e6 / options_.keep_alive_rate;
    for (unsigned i = 0; i < options_.keep_alive_clients; ++i) {
        Client& client = clients_[next_key_];
        client.kind = Kind::keep_alive;
        const double offset = period * i / options_.keep_alive_clients;
        client.intended = started_ + Duration(static_cast<std::int64_t>(offset));
        set_alarm(next_key_++, client, client.intended);
    }
    return {};
}

Result<void> Generator::run() {
    if (Result<void> ready = set_up(); !ready)
        return ready;
    const Instant hard_end = started_ + options_.hard_limit;
    while (!stopping_ || busy_ > 0) {
        const Instant time = now();
        if (time >= hard_end) {
            complete_ = false;
            break;
        }
        if (options_.duration && time >= started_ + *options_.duration)
            stopping_ = true;
        start_due_requests();
        if (Result<void> waited = wait(std::min(next_wakeup(), hard_end)); !waited)
            return waited;
    }
    ended_ = now();
    statistics_.unmark(ended_);
    return {};
}

Instant Generator::fresh_due() const {
    const double offset = 1e6 / options_.rate * static_cast<double>(fresh_begun_);
    return started_ + Duration(static_cast<std::int64_t>(offset));
}

Instant Generator::next_wakeup() const {
    Instant next = Instant::max();
    if (!stopping_ && options_.rate > 0)
        next = fresh_due();
    if (!stopping_ && options_.duration)
        next = std::min(next, started_ + *options_.duration);
    if (!alarms_.empty())
        next = std::min(next, alarms_.begin()->first);
    return next;
}

Result<void> Generator::wait(Instant until) {
    const auto left = std::max(until - now(), Duration::zero());
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
    const timespec timeout{seconds.count(), std::chrono::nanoseconds(left - seconds).count()};
    std::array<epoll_event, 256> events{};
    const int count = ::epoll_pwait2(epoll_.get(), events.data(), events.size(), &timeout, nullptr);
    if (count < 0 && errno != EINTR)
        return system_error("epoll_pwait2", errno);
    for (int i = 0; i < count; ++i) {
        const Key key = events[i].data.u64;
        if (key == signal_key)
            on_signal();
        else if (key == control_key)
            on_control();
        else
            on_event(key, events[i].events);
    }
    const Instant time = now();
    while (!alarms_.empty() && alarms_.begin()->first <= time)
        on_alarm(alarms_.begin()->second);
    return {};
}

void Generator::start_due_requests() {
    if (stopping_ || options_.rate <= 0)
        return;
    for (int begun = 0; begun < most_begun_at_once; ++begun) {
        const Instant due = fresh_due();
        const Instant time = now();
        if (due > time)
            return;
        ++fresh_begun_;
        lag_.record(time - due);
        if (fresh_open_ >= options_.most_open) {
            statistics_.failure(Kind::fresh, due, time, Failure::not_sent, "");
            continue;
        }
        const Key key = next_key_++;
        Client& client = clients_[key];
        client.intended = due;
        ++fresh_open_;
        begin_request(key, client);
    }
}

void Generator::on_alarm(Key key) {
    alarms_.erase(alarms_.begin());
    Client& client = clients_.at(key);
    switch (client.phase) {
    case Client::Phase::idle:
        if (!stopping_)
            begin_request(key, client);
        return;
    case Client::Phase::connecting:
        return fail(key, client, Failure::timeout, "while connecting");
    case Client::Phase::exchanging:
        return fail(key, client, Failure::timeout,
                    client.response.started() ? "in the middle of a response" : "no response");
    }
}

void Generator::set_alarm(Key key, Client& client, Instant at) {
    alarms_.erase({client.alarm, key});
    client.alarm = at;
    alarms_.emplace(at, key);
}

void Generator::on_signal() {
    signalfd_siginfo info{};
    if (::read(signals_.get(), &info, sizeof info) > 0)
        stopping_ = true;
}

void Generator::on_control() {
    std::array<char, 512> buffer{};
    const ssize_t count = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    if (count < 0)
        return;
    if (count == 0) { // nobody will say any more; the load goes on
        ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, STDIN_FILENO, nullptr);
        return;
    }
    for (const char c : std::string_view(buffer.data(), static_cast<std::size_t>(count))) {
        if (c == '\n') {
            on_command(control_line_);
            control_line_.clear();
        } else if (control_line_.size() < longest_command) {
            control_line_ += c;
        }
    }
}

void Generator::on_command(const std::string& line) {
    constexpr std::string_view mark = "mark ";
    if (line.starts_with(mark)) {
        const Result<void> marked = statistics_.mark(line.substr(mark.size()), now());
        if (!marked)
            std::fprintf(stderr, "loadgen: %s\n", marked.error().message.c_str());
    } else if (line == "unmark") {
        statistics_.unmark(now());
    } else if (line == "stop") {
        stopping_ = true;
    } else if (line == "count") {
        const Statistics::Pair all = statistics_.all();
        const auto race = static_cast<std::size_t>(Failure::idle_close_race);
        std::printf("{\"requests\":%ju,\"failed\":%ju,\"idle_close_races\":%ju}\n",
                    std::uintmax_t{all[0].total() + all[1].total()},
                    std::uintmax_t{all[0].lost() + all[1].lost()},
                    std::uintmax_t{all[1].failed[race]});
        std::fflush(stdout);
    } else {
        std::fprintf(stderr, "loadgen: unknown command; known: mark NAME, unmark, count, stop\n");
    }
}

} // namespace svc::loadgen
