#include "wire/codec.h"

#include "wire/json_read.h"
#include "wire/json_write.h"

#include <boost/json/monotonic_resource.hpp>
#include <boost/json/parse.hpp>

namespace svc::wire {
namespace {

namespace json = boost::json;

struct Envelope {
    std::uint32_t version = 0;
    rollout::State state;
};
BOOST_DESCRIBE_STRUCT(Envelope, (), (version, state))

/// A newer version's state may have any shape: its number is looked at before the rest.
Result<void> check_version(const json::value& document) {
    const auto* object = document.if_object();
    const auto* version = object ? object->if_contains("version") : nullptr;
    if (!version || !version->is_int64())
        return Error{"the text is not a state of svcd: it has no \"version\""};
    if (version->get_int64() != state_version)
        return Error{"the state is of version " + std::to_string(version->get_int64()) +
                     ", and this svcd reads version " + std::to_string(state_version)};
    return {};
}

} // namespace

std::string serialize_state(const rollout::State& state) {
    std::string text;
    text.reserve(8192);
    text += R"({"version":)";
    json_codec::write(text, state_version);
    text += R"(,"state":)";
    json_codec::write(text, state);
    text += '}';
    return text;
}

Result<rollout::State> parse_state(std::string_view text) {
    if (text.size() > state_limit)
        return Error{"the state is longer than " + std::to_string(state_limit) + " bytes"};
    json::parse_options options;
    options.max_depth = 32;
    json::error_code error;
    json::monotonic_resource memory;
    const json::value document = json::parse(text, error, &memory, options);
    if (error)
        return Error{"the state is not JSON: " + error.message()};
    if (const auto version = check_version(document); !version)
        return version.error();
    Envelope envelope;
    json_codec::Failure failure;
    if (!json_codec::read(document, envelope, {}, failure))
        return Error{failure.path.empty() ? "the state " + failure.message
                                          : failure.path + " " + failure.message};
    return std::move(envelope.state);
}

} // namespace svc::wire
