// Hooks: a table with one of exec, sleep, signal or http.
#include "wire/service_file/sections.h"

#include "base/text.h"

#include <algorithm>
#include <array>

namespace svc::wire::service_file {

namespace {

constexpr std::string_view hook_forms =
    R"({ exec = ["/usr/local/bin/deregister"] }, { sleep = "5s" }, { signal = "SIGUSR1" } or )"
    R"({ http = "http://127.0.0.1:9000/drain" })";
constexpr std::array<std::string_view, 6> methods{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"};

std::optional<rollout::Hook> read_http(Table& hook) {
    std::string url;
    constexpr std::string_view example = "\"http://127.0.0.1:9000/drain\"";
    if (!hook.read_string("http", url, example))
        return std::nullopt;
    auto parsed = parse_hook_url(url);
    if (!parsed) {
        hook.refuse("http", parsed.error().message);
        return std::nullopt;
    }
    std::string method;
    if (hook.read_string("method", method, "\"POST\"")) {
        if (std::find(methods.begin(), methods.end(), method) == methods.end()) {
            hook.refuse("method", quoted(method) +
                                      " is not a method that a hook can use; write GET, HEAD, "
                                      "POST, PUT, PATCH or DELETE");
            return std::nullopt;
        }
        parsed->method = method;
    }
    return rollout::Hook(std::move(*parsed));
}

std::optional<rollout::Hook> read_one_hook(Table& hook, std::string_view kind) {
    if (kind == "exec") {
        rollout::ExecHook exec;
        if (hook.read_strings("exec", exec.command, R"(["/usr/local/bin/deregister"])"))
            return rollout::Hook(std::move(exec));
    } else if (kind == "sleep") {
        rollout::SleepHook sleep;
        if (hook.read_duration("sleep", sleep.length, "\"5s\""))
            return rollout::Hook(sleep);
    } else if (kind == "signal") {
        rollout::SignalHook signal;
        if (read_signal(hook, "signal", signal.signal, "\"SIGUSR1\""))
            return rollout::Hook(signal);
    } else {
        return read_http(hook);
    }
    return std::nullopt;
}

constexpr std::array on_failures{
    Choice<rollout::HookFailure>{"ignore", rollout::HookFailure::ignore},
    Choice<rollout::HookFailure>{"fail", rollout::HookFailure::fail},
};

} // namespace

bool read_signal(Table& table, std::string_view key, int& into, std::string_view example) {
    const toml::node* node = table.find(key);
    if (node == nullptr)
        return false;
    const auto text = plain_string(table, key, *node, example);
    if (!text)
        return false;
    const auto signal = parse_signal(*text);
    if (!signal) {
        table.refuse(key, signal.error().message);
        return false;
    }
    into = *signal;
    return true;
}

Result<rollout::HttpHook> parse_hook_url(std::string_view url, std::string_view what) {
    const auto refuse = [&](std::string_view why) {
        return Error{quoted(url) + " is not a place for an HTTP " + std::string(what) + ": " +
                     std::string(why)};
    };
    constexpr std::string_view scheme = "http://";
    const bool over_unix = url.starts_with("unix:");
    if (url.starts_with("https://"))
        return refuse("svc speaks plain HTTP; write http:// or use exec with curl");
    if (!over_unix && !url.starts_with(scheme))
        return refuse("write http://127.0.0.1:9000/drain or unix:/run/web.sock:/drain");
    if (std::any_of(url.begin(), url.end(), [](char c) { return c <= ' ' || c > '~'; }))
        return refuse("it has a space or a character that is not ASCII; write it as %20 and so on");
    if (url.find('#') != std::string_view::npos)
        return refuse("a server never sees what follows #; take it out");
    rollout::HttpHook hook;
    std::string_view place = url;
    std::size_t target = std::string_view::npos; // where the path begins in `place`
    if (over_unix) {
        const std::size_t colon = place.find(":/", std::string_view("unix:").size() + 1);
        target = colon == std::string_view::npos ? colon : colon + 1;
        hook.host_header = "localhost";
    } else {
        place.remove_prefix(scheme.size());
        target = place.find_first_of("/?");
    }
    std::string authority(place.substr(0, target));
    if (target != std::string_view::npos)
        hook.target = place.substr(target);
    if (hook.target.starts_with('?'))
        hook.target.insert(0, "/");
    if (over_unix && target != std::string_view::npos)
        authority.pop_back(); // the colon before the path
    if (!over_unix) {
        if (authority.find('@') != std::string::npos)
            return refuse("a user name and password are not sent; use exec with curl");
        hook.host_header = authority;
        const bool bracketed = authority.ends_with(']');
        if (bracketed || (!authority.starts_with('[') && authority.find(':') == std::string::npos))
            authority += ":80";
    }
    const auto address = parse_address(authority);
    if (!address)
        return refuse(address.error().message);
    if (address->family != AddressFamily::unix_path &&
        address->family != AddressFamily::unix_abstract && address->port == 0)
        return refuse("a port of 0 cannot be connected to");
    if (!over_unix && authority.starts_with(':'))
        return refuse("its host is missing; write http://127.0.0.1:9000/drain");
    hook.address = *address;
    return hook;
}

void read_hook(Table& parent, std::string_view key, const HookDefaults& defaults,
               std::optional<rollout::HookSpec>& hook) {
    constexpr std::array<std::string_view, 4> kinds{"exec", "sleep", "signal", "http"};
    auto table = parent.read_table(key, hook_forms);
    if (!table)
        return;
    rollout::HookSpec made{{}, defaults.timeout, defaults.on_failure};
    Duration timeout{};
    if (table->read_duration("timeout", timeout, "\"10s\""))
        made.timeout = timeout;
    rollout::HookFailure rule = defaults.on_failure;
    if (table->read_choice<rollout::HookFailure>("on_failure", rule, on_failures) &&
        !defaults.fixed.empty())
        table->refuse("on_failure", std::string(defaults.fixed) + "; take it out");
    else
        made.on_failure = rule;
    std::vector<std::string_view> given;
    for (const std::string_view kind : kinds) {
        if (table->has(kind))
            given.push_back(kind);
    }
    std::optional<rollout::Hook> what;
    if (given.size() > 1)
        parent.refuse(key, "a hook does one thing; keep one of exec, sleep, signal and http");
    else if (given.size() == 1)
        what = read_one_hook(*table, given.front());
    if (what) {
        made.what = std::move(*what);
        hook = std::move(made);
    }
    if (table->has("method") && !table->has("http"))
        table->refuse("method",
                      "it belongs to http; write { http = \"http://127.0.0.1:9000/drain\", "
                      "method = \"POST\" } or leave it out");
    if (given.empty() && table->toml().empty())
        parent.refuse(key, "it is empty; write " + std::string(hook_forms));
    else if (given.empty() && (table->has("timeout") || table->has("on_failure")))
        parent.refuse(key, "it does not say what to do; write " + std::string(hook_forms));
    table->finish();
}

} // namespace svc::wire::service_file
