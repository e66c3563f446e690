#include "wire/image.h"

#include "wire/described.h"
#include "wire/json_changes.h"

#include <boost/crc.hpp>
#include <boost/json/monotonic_resource.hpp>
#include <boost/json/parse.hpp>

#include <algorithm>
#include <cstring>
#include <memory>

namespace svc::wire {

namespace {

namespace json = boost::json;

constexpr std::uint32_t magic =
    0x53565249; // "IRVS", as the machine has it: no other machine reads it
enum class Kind : std::uint32_t { whole = 1, changes = 2 };

struct Header {
    std::uint32_t magic = 0;
    Kind kind = Kind::whole;
    std::uint64_t sequence = 0;
    std::uint64_t length = 0;
    std::uint32_t checksum = 0; ///< of kind, sequence, length and content
    std::uint32_t unused = 0;
};
static_assert(sizeof(Header) == 32);

// Changes are cheap to write and cost the reader time: it is bounded by this.
constexpr std::uint64_t smallest_log = 64u << 10;

std::uint32_t checksum_of(const Header& header, std::string_view content) {
    boost::crc_32_type sum;
    sum.process_bytes(&header.kind, sizeof(header.kind));
    sum.process_bytes(&header.sequence, sizeof(header.sequence));
    sum.process_bytes(&header.length, sizeof(header.length));
    sum.process_bytes(content.data(), content.size());
    return sum.checksum();
}

/// `text` begins with room for the header.
void seal(std::string& text, Kind kind, std::uint64_t sequence) {
    Header header{.magic = magic, .kind = kind, .sequence = sequence};
    header.length = text.size() - sizeof(Header);
    header.checksum = checksum_of(header, std::string_view(text).substr(sizeof(Header)));
    std::memcpy(text.data(), &header, sizeof(header));
}

struct Record {
    Kind kind = Kind::whole;
    std::uint64_t sequence = 0;
    std::string_view content;
};

/// Takes the first record off `bytes`; nullopt: there is none that is whole.
std::optional<Record> take_record(std::string_view& bytes) {
    Header header;
    if (bytes.size() < sizeof(header))
        return std::nullopt;
    std::memcpy(&header, bytes.data(), sizeof(header));
    const std::size_t room = bytes.size() - sizeof(header);
    if (header.magic != magic || header.length > room)
        return std::nullopt;
    const auto content = bytes.substr(sizeof(header), header.length);
    if (checksum_of(header, content) != header.checksum)
        return std::nullopt;
    bytes.remove_prefix(sizeof(header) + header.length);
    return Record{header.kind, header.sequence, content};
}

struct Document {
    std::unique_ptr<json::monotonic_resource> memory;
    json::value value;
};

Result<Document> parse(std::string_view text) {
    json::parse_options options;
    options.max_depth = 32;
    json::error_code error;
    Document document;
    document.memory = std::make_unique<json::monotonic_resource>();
    document.value = json::parse(text, error, document.memory.get(), options);
    if (error)
        return Error{"the state is not JSON: " + error.message()};
    return document;
}

std::uint32_t number_in(const json::object& object, std::string_view name) {
    std::uint32_t number = 0;
    json_codec::Failure ignored;
    const auto* found = object.if_contains(name);
    return found && json_codec::read_number(*found, number, ignored) ? number : 0;
}

/// Of a writer's envelope: which rules its content is read by.
Result<json_codec::Rules> rules_for(const json::object& envelope, std::uint32_t& version) {
    version = number_in(envelope, "version");
    const std::uint32_t readable_by = number_in(envelope, "readable_by");
    if (version == 0 || readable_by == 0)
        return Error{"it is not the state of a svcd: it does not say its version"};
    if (readable_by > image_version.version)
        return Error{"the state is of version " + std::to_string(version) +
                     ", which only a svcd of version " + std::to_string(readable_by) +
                     " or later can go on from; this one is of version " +
                     std::to_string(image_version.version)};
    if (version + 1 < image_version.version)
        return Error{"the state is of version " + std::to_string(version) + ", and this svcd of " +
                     std::to_string(image_version.version) +
                     " reads no older one than the version before; upgrade in steps"};
    return json_codec::Rules{
        .missing_is_default =
            version<image_version.version, .ignore_unknown = version> image_version.version};
}

Error explain(const json_codec::Failure& failure) {
    return Error{"the state cannot be read: " + failure.path + " " + failure.message};
}

struct SlotReader {
    ReadImage image;
    json_codec::Rules rules;

    Result<void> read_whole(const Record& record) {
        auto document = parse(record.content);
        if (!document)
            return document.error();
        const auto* envelope = document->value.if_object();
        if (envelope == nullptr)
            return Error{"the state is no object"};
        auto found = rules_for(*envelope, image.version);
        if (!found)
            return found.error();
        rules = *found;
        json_codec::Failure failure;
        const auto* state = envelope->if_contains("state");
        const auto* ledger = envelope->if_contains("ledger");
        if (state == nullptr || ledger == nullptr)
            return Error{"the state has no \"state\" or no \"ledger\""};
        if (!json_codec::read(*state, image.snapshot.state, rules, failure) ||
            !json_codec::read(*ledger, image.snapshot.ledger, rules, failure))
            return explain(failure);
        image.sequence = record.sequence;
        return {};
    }

    Result<void> read_changes(const Record& record) {
        auto document = parse(record.content);
        if (!document)
            return document.error();
        const auto* changes = document->value.if_object();
        json_codec::Failure failure;
        const auto* state = changes ? changes->if_contains("state") : nullptr;
        const auto* ledger = changes ? changes->if_contains("ledger") : nullptr;
        if (state == nullptr || ledger == nullptr)
            return Error{"a change of the state is none"};
        if (!json_codec::read_changes(*state, image.snapshot.state, rules, failure) ||
            !json_codec::read_changes(*ledger, image.snapshot.ledger, rules, failure))
            return explain(failure);
        image.sequence = record.sequence;
        return {};
    }
};

Result<ReadImage> read_slot(std::string_view bytes, unsigned slot) {
    SlotReader reader;
    reader.image.slot = slot;
    const auto first = take_record(bytes);
    if (!first || first->kind != Kind::whole)
        return Error{"it holds no state"};
    if (auto read = reader.read_whole(*first); !read)
        return read.error();
    while (const auto record = take_record(bytes)) {
        // What stood there before this slot was used again is older.
        if (record->kind != Kind::changes || record->sequence != reader.image.sequence + 1)
            break;
        if (auto read = reader.read_changes(*record); !read)
            return read.error();
    }
    return std::move(reader.image);
}

} // namespace

std::optional<ImageWriter::Write> ImageWriter::whole(const rollout::State& state,
                                                     const Ledger& ledger) {
    written_.state = state;
    written_.ledger = ledger;
    std::string text(sizeof(Header), '\0');
    text += R"({"version":)" + std::to_string(version_.version) + R"(,"readable_by":)" +
            std::to_string(version_.readable_by) + R"(,"state":)";
    json_codec::write(text, state);
    text += R"(,"ledger":)";
    json_codec::write(text, ledger);
    text += '}';
    seal(text, Kind::whole, ++sequence_);
    slot_ = 1 - slot_;
    begun_ = true;
    end_ = whole_size_ = text.size();
    return Write{.offset = slot_ * image_slot_size,
                 .bytes = std::move(text),
                 .frees_other_slot = true,
                 .slot = slot_};
}

std::optional<ImageWriter::Write> ImageWriter::next(const rollout::State& state,
                                                    const Ledger& ledger) {
    if (!begun_)
        return whole(state, ledger);
    std::string text(sizeof(Header), '\0');
    text += R"({"state":)";
    const bool state_changed = json_codec::write_changes(text, written_.state, state);
    text += R"(,"ledger":)";
    const bool ledger_changed = json_codec::write_changes(text, written_.ledger, ledger);
    text += '}';
    if (!state_changed && !ledger_changed)
        return std::nullopt;
    if (end_ - whole_size_ + text.size() > std::max(smallest_log, 2 * whole_size_))
        return whole(state, ledger);
    seal(text, Kind::changes, ++sequence_);
    Write write{.offset = slot_ * image_slot_size + end_, .bytes = std::move(text), .slot = slot_};
    end_ += write.bytes.size();
    return write;
}

void ImageWriter::lost() {
    if (begun_ &&
        end_ == whole_size_) // it was the whole one: the other slot is the one that is needed
        slot_ = 1 - slot_;
    begun_ = false;
}

Result<ReadImage> read_image(const std::array<std::string_view, 2>& slots) {
    // The one whose whole record is newer: what is in the other one is all in it.
    std::array<std::uint64_t, 2> sequences{};
    for (std::size_t i = 0; i < slots.size(); ++i) {
        std::string_view bytes = slots[i].substr(0, image_slot_limit);
        if (const auto record = take_record(bytes); record && record->kind == Kind::whole)
            sequences[i] = record->sequence;
    }
    const unsigned newer = sequences[1] > sequences[0] ? 1 : 0;
    if (sequences[newer] == 0)
        return Error{"it holds no state that is whole"};
    return read_slot(slots[newer].substr(0, image_slot_limit), newer);
}

} // namespace svc::wire
