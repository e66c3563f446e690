// ${release}
#include "wire/service_file.h"

#include "base/text.h"

namespace svc::wire {

namespace {

Error refuse(std::string_view text, std::string_view why) {
    return Error{'"' + printable(text, 60) + "\": " + std::string(why)};
}

Result<void> expand_in(std::string& text, std::string_view release) {
    auto expanded = expand(text, release);
    if (!expanded)
        return expanded.error();
    text = std::move(*expanded);
    return {};
}

Result<void> expand_in(std::vector<std::string>& texts, std::string_view release) {
    for (std::string& text : texts) {
        if (auto done = expand_in(text, release); !done)
            return done;
    }
    return {};
}

Result<void> expand_in(std::optional<rollout::Hook>& hook, std::string_view release) {
    auto* exec = hook ? std::get_if<rollout::ExecHook>(&*hook) : nullptr;
    return exec == nullptr ? Result<void>() : expand_in(exec->command, release);
}

} // namespace

Result<std::string> expand(std::string_view text, std::string_view release) {
    constexpr std::string_view name = "release";
    std::string result;
    for (std::size_t at = 0; at < text.size(); ++at) {
        const std::string_view rest = text.substr(at);
        if (rest.starts_with("$$")) {
            result += '$';
            ++at;
        } else if (rest.starts_with("${")) {
            const std::size_t end = rest.find('}');
            if (end == std::string_view::npos)
                return refuse(text, "\"${\" has no \"}\"; write ${release}, or $${ for the "
                                    "characters themselves");
            const std::string_view asked = rest.substr(2, end - 2);
            if (asked != name)
                return refuse(text, "there is no ${" + printable(asked, 40) +
                                        "}; write ${release}, or $${ for the characters "
                                        "themselves");
            result += release;
            at += end;
        } else {
            result += text[at];
        }
    }
    return result;
}

Result<rollout::Spec> expand_release(rollout::Spec spec, std::string_view release) {
    rollout::ProcessSpec& process = spec.process;
    Result<void> done;
    for (auto* texts :
         {&process.command, &process.inputs, &process.check, &process.environment_files}) {
        if (done)
            done = expand_in(*texts, release);
    }
    if (done)
        done = expand_in(process.directory, release);
    for (auto& [variable, value] : process.environment) {
        if (done)
            done = expand_in(value, release);
    }
    if (done)
        done = expand_in(spec.stop.pre_stop, release);
    if (done)
        done = expand_in(spec.stop.post_stop, release);
    if (!done)
        return done.error();
    return spec;
}

} // namespace svc::wire
