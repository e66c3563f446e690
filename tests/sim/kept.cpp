#include "kept.h"

#include "rollout/recover.h"
#include "wire/json_codec.h"

#include <boost/crc.hpp>
#include <boost/json.hpp>

#include <algorithm>
#include <cstring>
#include <utility>

namespace svc::sim {

using namespace rollout;

namespace {

namespace json = boost::json;

constexpr std::size_t header_size = 32; // wire/image.cpp

/// The same record with another content.
std::string sealed(const std::string& record, const std::string& content) {
    std::string text = record.substr(0, header_size);
    const std::uint64_t length = content.size();
    std::memcpy(text.data() + 16, &length, sizeof(length));
    boost::crc_32_type sum;
    sum.process_bytes(text.data() + 4, 20); // kind, sequence, length
    sum.process_bytes(content.data(), content.size());
    const std::uint32_t checksum = sum.checksum();
    std::memcpy(text.data() + 24, &checksum, sizeof(checksum));
    return text + content;
}

bool is_number(std::string_view key) {
    return key.find_first_not_of("0123456789") == std::string_view::npos;
}

/// As a later release writes it: every struct has a member more. A map's keys are numbers here.
void add_members(json::value& value) {
    if (auto* array = value.if_array())
        for (json::value& element : *array)
            add_members(element);
    auto* object = value.if_object();
    if (object == nullptr)
        return;
    for (auto& member : *object)
        add_members(member.value());
    if (!object->empty() && !is_number(object->begin()->key()))
        object->emplace("of_tomorrow", json::object{{"is", json::array{"unknown", 1}}});
}

/// As an earlier release writes it: what nothing was said in is not there.
void leave_out_members(json::value& value) {
    if (auto* array = value.if_array())
        for (json::value& element : *array)
            leave_out_members(element);
    auto* object = value.if_object();
    if (object == nullptr)
        return;
    std::vector<std::string> silent;
    for (auto& member : *object) {
        leave_out_members(member.value());
        const json::value& one = member.value();
        const bool says_nothing = one.is_null() || (one.is_string() && one.get_string().empty()) ||
                                  (one.is_array() && one.get_array().empty());
        if (says_nothing && !is_number(member.key()))
            silent.emplace_back(member.key());
    }
    for (const std::string& key : silent)
        object->erase(key);
}

} // namespace

void MemoryFile::write(const wire::ImageWriter::Write& write, std::size_t bytes) {
    std::string& slot = slots_.at(write.slot);
    const auto at = static_cast<std::size_t>(write.offset - write.slot * wire::image_slot_size);
    slot.resize(std::max(slot.size(), at + bytes));
    std::copy_n(write.bytes.begin(), bytes, slot.begin() + static_cast<std::ptrdiff_t>(at));
}

void MemoryFile::publish(const State& state, const wire::Ledger& ledger) {
    const auto next = writer_.next(state, ledger);
    if (!next)
        return;
    write(*next, next->bytes.size());
    if (next->frees_other_slot)
        slots_.at(1 - next->slot).clear();
}

void MemoryFile::publish_torn(const State& state, const wire::Ledger& ledger, std::uint64_t bytes) {
    if (const auto next = writer_.next(state, ledger))
        write(*next, bytes % next->bytes.size());
}

Result<wire::Snapshot> MemoryFile::take_over() {
    auto image = wire::read_image({slots_[0], slots_[1]});
    if (!image)
        return image.error();
    if (const auto consistent = check_consistent(image->snapshot.state); !consistent)
        return consistent.error();
    writer_ = wire::ImageWriter(image->sequence, image->slot);
    return std::move(image->snapshot);
}

Result<wire::Snapshot> read_by(NextProgram program, const State& state,
                               const wire::Ledger& ledger) {
    const std::uint32_t ours = wire::image_version.version;
    wire::ImageVersion writers{ours, ours - 1};
    if (program == NextProgram::later)
        writers = {ours - 1, ours - 1};
    else if (program == NextProgram::earlier)
        writers = {ours + 1, ours};
    else if (program == NextProgram::too_old)
        writers = {ours + 1, ours + 1};
    wire::ImageWriter writer(0, 1, writers);
    std::string record = writer.next(state, ledger)->bytes;
    if (program != NextProgram::same) {
        json::value content = json::parse(std::string_view(record).substr(header_size));
        for (const char* part : {"state", "ledger"})
            if (program == NextProgram::later)
                leave_out_members(content.as_object().at(part));
            else
                add_members(content.as_object().at(part));
        record = sealed(record, json::serialize(content));
    }
    auto image = wire::read_image({record, ""});
    if (!image)
        return image.error();
    if (const auto consistent = check_consistent(image->snapshot.state); !consistent)
        return consistent.error();
    return std::move(image->snapshot);
}

std::string kept_worker(WorkerId worker) {
    return "worker " + std::to_string(worker);
}

std::string kept_listener(RevisionNumber revision) {
    return "the listeners of revision " + std::to_string(revision);
}

std::string missing_from(const Store& store, const State& left, const std::set<WorkerId>& refused) {
    for (const auto& [id, worker] : left.workers) {
        const bool had_go = worker.phase == WorkerPhase::executing || worker.executed_at;
        if (had_go && has_process(worker) && !refused.contains(id) && !store.has(kept_worker(id)))
            return kept_worker(id);
    }
    for (const RevisionNumber number : revisions_in_use(left))
        if (!store.has(kept_listener(number)))
            return kept_listener(number);
    return {};
}

} // namespace svc::sim
