// ${release} and {fd:NAME}
#include "wire/service_file.h"

#include "base/text.h"

namespace svc::wire {

namespace {

Error refuse(std::string_view text, std::string_view why) {
    return Error{'"' + printable(text, 60) + "\": " + std::string(why)};
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

std::string replace_fds(std::string_view text,
                        const std::function<std::string(std::string_view name)>& fd_of) {
    constexpr std::string_view begin = "{fd:";
    std::string result;
    for (;;) {
        const auto at = text.find(begin);
        const auto end = at == std::string_view::npos ? at : text.find('}', at);
        if (end == std::string_view::npos)
            return result.append(text);
        result += text.substr(0, at);
        result += fd_of(text.substr(at + begin.size(), end - at - begin.size()));
        text.remove_prefix(end + 1);
    }
}

} // namespace svc::wire
