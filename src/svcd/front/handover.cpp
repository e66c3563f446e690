#include "svcd/front/handover.h"

#include "os/fd.h"
#include "os/memory_file.h"
#include "os/program.h"

#include "rollout/recover.h"
#include "svcd/host/survival/vault.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>

namespace svc::daemon {

namespace {

constexpr std::string_view first_line = "svc-handover 1";
constexpr const char* variable = "SVC_HANDOVER";
constexpr std::size_t size_limit = 4u << 20;
constexpr std::size_t name_limit = 255; // of systemd's FileDescriptorName=

Result<int> read_number(std::string_view text) {
    int number = -1;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size() || number < 3)
        return Error{"what was handed over names a fd that is none: " +
                     std::string(text.substr(0, 20))};
    return number;
}

} // namespace

std::string encode_handover(const NamedFds& fds) {
    std::string text(first_line);
    text += '\n';
    for (const auto& [name, fd] : fds)
        text += std::to_string(fd) + ' ' + name + '\n';
    return text;
}

Result<NamedFds> decode_handover(std::string_view text) {
    NamedFds fds;
    bool first = true;
    while (!text.empty()) {
        const auto line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(text.size(), line.size() + 1));
        if (std::exchange(first, false)) {
            if (line != first_line)
                return Error{"what was handed over is of a kind that this svcd does not know"};
            continue;
        }
        const auto blank = line.find(' ');
        const auto number = read_number(line.substr(0, blank));
        if (!number)
            return number.error();
        if (blank == std::string_view::npos || blank + 1 == line.size() ||
            line.size() - blank - 1 > name_limit)
            return Error{"what was handed over has a fd without a name"};
        if (std::any_of(fds.begin(), fds.end(),
                        [&](const auto& other) { return other.second == *number; }))
            return Error{"what was handed over names fd " + std::to_string(*number) + " twice"};
        fds.emplace_back(line.substr(blank + 1), *number);
    }
    if (first)
        return Error{"what was handed over is empty"};
    return fds;
}

Result<std::optional<Handover>> take_handover() {
    const char* text = std::getenv(variable);
    if (text == nullptr)
        return std::optional<Handover>();
    const std::string said(text);
    ::unsetenv(variable);
    const auto colon = said.find(':');
    const auto number = read_number(said.substr(0, colon));
    if (!number)
        return number.error();
    Handover handover;
    if (colon != std::string::npos)
        std::from_chars(said.data() + colon + 1, said.data() + said.size(), handover.nofile_soft);
    if (handover.nofile_soft == 0)
        return Error{"SVC_HANDOVER is not for people to set: it has no limit"};
    const UniqueFd list(*number);
    if (!os::is_memory_file(list.get()))
        return Error{"SVC_HANDOVER is not for people to set: it names no memory file"};
    const auto read = os::read_at(list.get(), 0, size_limit);
    if (!read)
        return read.error();
    const auto fds = decode_handover(*read);
    if (!fds)
        return fds.error();
    for (const auto& [name, fd] : *fds)
        if (fd == list.get())
            return Error{"what was handed over names its own list as " + name};
    handover.fds = *fds;
    if (const char* problem = std::getenv(upgrade_problem_variable))
        handover.problem = problem;
    ::unsetenv(upgrade_problem_variable);
    std::map<std::string, std::vector<UniqueFd>> by_name;
    for (const auto& [name, fd] : *fds) {
        if (auto closing = os::set_close_on_exec(fd, true); !closing)
            return Error{"the fd of " + name + " did not come: " + closing.error().message};
        auto copy = os::duplicate(fd);
        if (!copy)
            return copy.error();
        // The copy is used, and the number that stands in the list stays ours for the way back.
        handover.spares.emplace_back(fd);
        if (name == previous_program)
            handover.previous = std::move(*copy);
        else if (name == previous_launcher)
            handover.previous_launch = std::move(*copy);
        else
            by_name[name].push_back(std::move(*copy));
    }
    handover.passed = sort_passed(std::move(by_name));
    return std::optional(std::move(handover));
}

int check_state(int fd) {
    const auto left = read_state(fd);
    const auto checked =
        left ? rollout::check_consistent(left->snapshot.state) : Result<void>(left.error());
    if (checked)
        return 0;
    std::fprintf(stderr, "%s\n", checked.error().message.c_str());
    return 1;
}

Error execute_with(int program, const NamedFds& fds, std::uint64_t nofile_soft,
                   const std::vector<std::string>& arguments,
                   std::vector<std::string> environment) {
    auto list = os::make_memory_file("svc-handover");
    if (!list)
        return list.error();
    const auto all_closing = [&](bool close) {
        Result<void> done;
        for (const auto& [name, fd] : fds)
            if (auto set = os::set_close_on_exec(fd, close); !set)
                done = Error{name + ": " + set.error().message};
        if (auto set = os::set_close_on_exec(list->get(), close); !set)
            done = set;
        return done;
    };
    Result<void> ready = os::write_at(list->get(), 0, encode_handover(fds));
    if (ready)
        ready = os::close_all_on_exec();
    if (ready)
        ready = all_closing(false);
    if (!ready) {
        static_cast<void>(all_closing(true));
        return ready.error();
    }
    environment.push_back(std::string(variable) + "=" + std::to_string(list->get()) + ":" +
                          std::to_string(nofile_soft));
    Error failed = os::execute(program, arguments, environment);
    static_cast<void>(all_closing(true));
    return failed;
}

} // namespace svc::daemon
