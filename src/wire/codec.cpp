#include "wire/codec.h"

#include "wire/control_described.h"
#include "wire/json_read.h"
#include "wire/json_write.h"

#include <boost/json/monotonic_resource.hpp>
#include <boost/json/parse.hpp>

namespace svc::wire {

BOOST_DESCRIBE_STRUCT(StoredOutcome, (), (verdict, reason, successor, last_output, began, ended))
static_assert(json_codec::Struct<StoredOutcome>);

namespace {

namespace json = boost::json;

struct Envelope {
    std::uint32_t version = 0;
    rollout::State state;
};
BOOST_DESCRIBE_STRUCT(Envelope, (), (version, state))

struct RevisionEnvelope {
    std::uint32_t version = 0;
    rollout::Revision revision;
};
BOOST_DESCRIBE_STRUCT(RevisionEnvelope, (), (version, revision))

struct OutcomeEnvelope {
    std::uint32_t version = 0;
    StoredOutcome outcome;
};
BOOST_DESCRIBE_STRUCT(OutcomeEnvelope, (), (version, outcome))

struct TimelineEnvelope {
    std::uint32_t version = 0;
    Timeline timeline;
};
BOOST_DESCRIBE_STRUCT(TimelineEnvelope, (), (version, timeline))

/// A newer version's state may have any shape: its number is looked at before the rest.
Result<void> check_version(const json::value& document, const std::string& what,
                           std::uint32_t readable) {
    const auto* object = document.if_object();
    const auto* version = object ? object->if_contains("version") : nullptr;
    if (!version || !version->is_int64())
        return Error{"the text is not a " + what + " of svcd: it has no \"version\""};
    if (version->get_int64() != readable)
        return Error{"the " + what + " is of version " + std::to_string(version->get_int64()) +
                     ", and this svcd reads version " + std::to_string(readable)};
    return {};
}

template <class T>
Result<T> parse_envelope(std::string_view text, const std::string& what, std::uint32_t version,
                         std::size_t limit, json_codec::Rules rules) {
    if (text.size() > limit)
        return Error{"the " + what + " is longer than " + std::to_string(limit) + " bytes"};
    json::parse_options options;
    options.max_depth = 32;
    json::error_code error;
    json::monotonic_resource memory;
    const json::value document = json::parse(text, error, &memory, options);
    if (error)
        return Error{"the " + what + " is not JSON: " + error.message()};
    if (const auto checked = check_version(document, what, version); !checked)
        return checked.error();
    T envelope;
    json_codec::Failure failure;
    if (!json_codec::read(document, envelope, rules, failure))
        return Error{failure.path.empty() ? "the " + what + " " + failure.message
                                          : failure.path + " " + failure.message};
    return envelope;
}

template <class T>
std::string envelope_of(std::uint32_t version, std::string_view name, const T& content) {
    std::string text = R"({"version":)";
    json_codec::write(text, version);
    text += ",\"" + std::string(name) + "\":";
    json_codec::write(text, content);
    text += '}';
    return text;
}

constexpr json_codec::Rules of_history{.missing_is_default = true, .ignore_unknown = false};

} // namespace

std::string serialize_state(const rollout::State& state) {
    return envelope_of(state_version, "state", state);
}

Result<rollout::State> parse_state(std::string_view text) {
    auto envelope = parse_envelope<Envelope>(text, "state", state_version, state_limit, {});
    if (!envelope)
        return envelope.error();
    return std::move(envelope->state);
}

std::string serialize_revision(const rollout::Revision& revision) {
    return envelope_of(history_version, "revision", revision);
}

Result<rollout::Revision> parse_revision(std::string_view text) {
    auto envelope = parse_envelope<RevisionEnvelope>(text, "revision", history_version,
                                                     history_file_limit, of_history);
    if (!envelope)
        return envelope.error();
    return std::move(envelope->revision);
}

std::string serialize_outcome(const StoredOutcome& outcome) {
    return envelope_of(history_version, "outcome", outcome);
}

Result<StoredOutcome> parse_outcome(std::string_view text) {
    auto envelope = parse_envelope<OutcomeEnvelope>(text, "outcome", history_version,
                                                    history_file_limit, of_history);
    if (!envelope)
        return envelope.error();
    return std::move(envelope->outcome);
}

std::string serialize_timeline(const Timeline& timeline) {
    return envelope_of(history_version, "timeline", timeline);
}

Result<Timeline> parse_timeline(std::string_view text) {
    auto envelope = parse_envelope<TimelineEnvelope>(text, "timeline", history_version,
                                                     history_file_limit, of_history);
    if (!envelope)
        return envelope.error();
    return std::move(envelope->timeline);
}

} // namespace svc::wire
