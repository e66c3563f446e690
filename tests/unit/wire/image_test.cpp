#include "wire/image.h"

#include "wire/described.h"

#include <boost/crc.hpp>
#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <random>

using namespace svc;
using namespace svc::wire;
using namespace svc::rollout;

namespace {

/// The file, as its slots are read.
struct File {
    std::array<std::string, 2> slots;

    void write(const ImageWriter::Write& write, std::size_t bytes = std::string::npos) {
        const unsigned slot = write.offset >= image_slot_size ? 1 : 0;
        const auto at = static_cast<std::size_t>(write.offset - slot * image_slot_size);
        const std::string_view part = std::string_view(write.bytes).substr(0, bytes);
        std::string& text = slots.at(slot);
        text.resize(std::max(text.size(), at + part.size()));
        std::copy(part.begin(), part.end(), text.begin() + static_cast<std::ptrdiff_t>(at));
        if (write.frees_other_slot && bytes == std::string::npos)
            slots.at(1 - slot).clear();
    }
    [[nodiscard]] Result<ReadImage> read() const { return read_image({slots[0], slots[1]}); }
};

Worker worker(WorkerId id) {
    Worker made;
    made.id = id;
    made.name = "r1-" + std::to_string(id);
    made.status_text = std::string(200, 's');
    return made;
}

State some_state() {
    State state;
    state.service = "web";
    state.next_worker = 3;
    state.workers[1] = worker(1);
    state.workers[2] = worker(2);
    state.replica_list.resize(2);
    state.revisions[1].number = 1;
    return state;
}

} // namespace

TEST_CASE("what was published is read back") {
    File file;
    ImageWriter writer;
    const State state = some_state();
    Ledger ledger;
    ledger.workers[1].leader = 4711;
    file.write(*writer.next(state, ledger));
    const auto read = file.read();
    REQUIRE(read);
    CHECK(read->snapshot.state == state);
    CHECK(read->snapshot.ledger == ledger);
    CHECK(read->version == image_version.version);
}

TEST_CASE("what did not change is not written, and a change costs little") {
    File file;
    ImageWriter writer;
    State state = some_state();
    const auto whole = writer.next(state, {});
    file.write(*whole);
    CHECK(!writer.next(state, {}));
    state.workers[1].phase = WorkerPhase::available;
    const auto change = writer.next(state, {});
    REQUIRE(change);
    CHECK(change->bytes.size() < whole->bytes.size());
    CHECK(change->bytes.find("r1-2") == std::string::npos);
    file.write(*change);
    CHECK(file.read()->snapshot.state == state);
}

TEST_CASE("every kind of change is read back") {
    File file;
    ImageWriter writer;
    State state = some_state();
    Ledger ledger;
    const auto publish = [&] {
        file.write(*writer.next(state, ledger));
        const auto read = file.read();
        REQUIRE(read);
        CHECK(read->snapshot.state == state);
        CHECK(read->snapshot.ledger == ledger);
    };
    publish();
    state.workers.erase(1); // an element that goes
    publish();
    state.workers[3] = worker(3); // one that comes
    state.replica_list.resize(4); // a list that grows
    state.replica_list[3].restarts = 7;
    publish();
    state.replica_list.resize(1); // or shrinks
    publish();
    state.rollout.emplace().to = 1; // an optional that is set
    state.frozen = "\xff not UTF-8";
    publish();
    state.rollout.reset();
    state.frozen.reset();
    ledger.listeners.emplace_back().name = "http";
    ledger.events[5].text = "five";
    publish();
    ledger.listeners.clear();
    ledger.events.erase(5);
    publish();
}

TEST_CASE("a write that ends anywhere leaves what was published before") {
    State before = some_state();
    for (const bool whole : {false, true}) {
        File file;
        ImageWriter writer;
        file.write(*writer.next(before, {}));
        before.next_revision += 1;
        file.write(*writer.next(before, {}));
        State after = before;
        after.workers[2].phase = WorkerPhase::stopping;
        if (whole)
            writer.lost(); // for what it knows
        const auto write = writer.next(after, {});
        REQUIRE(write);
        CHECK(write->frees_other_slot == whole);
        for (std::size_t bytes = 0; bytes <= write->bytes.size(); ++bytes) {
            File torn = file;
            torn.write(*write, bytes);
            const auto read = torn.read();
            REQUIRE(read);
            CHECK(read->snapshot.state == (bytes == write->bytes.size() ? after : before));
        }
    }
}

TEST_CASE("after a write that was lost nothing that is needed is written over") {
    File file;
    ImageWriter writer;
    State state = some_state();
    file.write(*writer.next(state, {}));
    const State published = state;
    for (int failures = 0; failures < 4; ++failures) {
        state.next_worker += 1;
        const auto write = writer.next(state, {});
        REQUIRE(write);
        file.write(*write, write->bytes.size() / 2);
        writer.lost();
        CHECK(file.read()->snapshot.state == published);
    }
    file.write(*writer.next(state, {}));
    CHECK(file.read()->snapshot.state == state);
}

TEST_CASE("the next writer goes on in the same file, also after a torn record") {
    File file;
    ImageWriter first;
    State state = some_state();
    file.write(*first.next(state, {}));
    state.next_worker = 9;
    file.write(*first.next(state, {}));
    state.next_worker = 10;
    file.write(*first.next(state, {}), 40); // killed here
    auto read = file.read();
    REQUIRE(read);
    CHECK(read->snapshot.state.next_worker == 9);
    ImageWriter second(read->sequence, read->slot);
    state = read->snapshot.state;
    for (int changes = 0; changes < 5; ++changes) {
        state.next_worker += 1;
        file.write(*second.next(state, {}));
        CHECK(file.read()->snapshot.state == state);
    }
}

TEST_CASE("it does not grow without end") {
    File file;
    ImageWriter writer;
    State state = some_state();
    std::size_t wholes = 0;
    for (int changes = 0; changes < 5000; ++changes) {
        state.workers[1].notified_errno = changes + 1;
        const auto write = writer.next(state, {});
        REQUIRE(write);
        wholes += write->frees_other_slot ? 1 : 0;
        file.write(*write);
    }
    CHECK(wholes > 3);
    CHECK(file.slots[0].size() + file.slots[1].size() < 200'000);
    CHECK(file.read()->snapshot.state == state);
}

TEST_CASE("bytes of any kind are an error and nothing else") {
    File good;
    ImageWriter writer;
    State state = some_state();
    good.write(*writer.next(state, {}));
    state.next_worker = 9;
    good.write(*writer.next(state, {}));
    std::mt19937 random(7); // NOLINT(cert-msc32-c,cert-msc51-cpp): the same bytes each time
    for (int tries = 0; tries < 2000; ++tries) {
        File bad = good;
        for (unsigned flips = 1 + random() % 4; flips > 0; --flips)
            bad.slots[0][random() % bad.slots[0].size()] = static_cast<char>(random());
        const auto read = bad.read();
        // A record that passes its checksum is one that was written.
        if (read)
            CHECK((read->snapshot.state.next_worker == 3 || read->snapshot.state.next_worker == 9));
    }
    CHECK(!read_image({"", ""}));
    CHECK(!read_image({"rubbish", std::string(5000, '\0')}));
}

namespace {

/// The record with another content, as a writer of another release would seal it.
std::string resealed(const std::string& record, const std::string& content) {
    constexpr std::size_t header = 32;
    const std::uint64_t length = content.size();
    std::string text = record.substr(0, header);
    std::memcpy(text.data() + 16, &length, sizeof(length));
    boost::crc_32_type sum;
    sum.process_bytes(text.data() + 4, 20); // kind, sequence, length
    sum.process_bytes(content.data(), content.size());
    const std::uint32_t checksum = sum.checksum();
    std::memcpy(text.data() + 24, &checksum, sizeof(checksum));
    return text + content;
}

} // namespace

TEST_CASE("what a later release added is passed over, and what an older one did not know has its "
          "default") {
    const State state = some_state();
    const std::uint32_t ours = image_version.version;
    const auto read_with = [&](ImageVersion version, std::string_view from, std::string_view to) {
        ImageWriter writer(0, 1, version);
        const std::string record = writer.next(state, {})->bytes;
        std::string content = record.substr(32);
        const auto at = content.find(from);
        REQUIRE(at != std::string::npos);
        content.replace(at, from.size(), to);
        const std::string text = resealed(record, content);
        return read_image({text, ""});
    };
    const auto later = read_with({ours + 1, ours}, R"("service":"web")",
                                 R"("service":"web","of_tomorrow":{"a":[1]})");
    REQUIRE(later);
    CHECK(later->snapshot.state == state);
    // Of our own version it is a mistake.
    CHECK_FALSE(
        read_with({ours, ours}, R"("service":"web")", R"("service":"web","of_tomorrow":1)"));
    CHECK_FALSE(read_with({ours, ours}, R"("next_worker":3,)", ""));
    const std::string same = R"("service":"web")";
    CHECK(read_with({ours, ours}, same, same)->snapshot.state == state);
}

TEST_CASE("a state says which supervisors may go on from it") {
    const State state = some_state();
    const auto read_from = [&](ImageVersion version) {
        File file;
        ImageWriter writer(0, 1, version);
        file.write(*writer.next(state, {}));
        return file.read();
    };
    const std::uint32_t ours = image_version.version;
    const auto newer = read_from({ours + 5, ours});
    REQUIRE(newer);
    CHECK(newer->snapshot.state == state);
    const auto too_new = read_from({ours + 5, ours + 1});
    REQUIRE(!too_new);
    CHECK(too_new.error().message.find("only a svcd of version " + std::to_string(ours + 1)) !=
          std::string::npos);
    CHECK(!read_from({0, 0}));
}
