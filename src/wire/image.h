// The image: state and ledger as bytes in one file, written so that a writer that is killed at any
// instruction leaves what it had written before. No I/O here: os/ and svcd/host/survival/vault.h do that.
#pragma once

#include "base/result.h"
#include "wire/ledger.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace svc::wire {

/// All that a supervisor leaves to the next one, besides fds.
struct Snapshot {
    rollout::State state;
    Ledger ledger;
};

/// The file has two slots, far apart, so that either can grow (it is a memfd: what was never written
/// takes no memory):
///
///   slot: whole record, changes record, changes record, …
///   record: header (magic, kind, sequence, length, checksum), JSON
///
/// A changes record is appended for each publication; when they outgrow the whole record before them, the
/// next one is written whole into the other slot, with the sequence going on. So the newest readable whole
/// record has all that was published up to it, and the changes behind it, in sequence, the rest. A torn
/// record, which only the last one can be, fails its checksum and ends the reading: it was not published.
///
/// What can never happen: a record is written over one that is needed to read what was published last.
inline constexpr std::uint64_t image_slot_size = std::uint64_t{1} << 32;
inline constexpr std::size_t image_slot_limit = std::size_t{256}
                                                << 20; ///< bytes that are read of a slot

/// What the reader goes by. A writer says which version it is and the oldest reader that may go on from
/// what it wrote: such a reader passes over what it does not know, and a newer one takes defaults for what
/// is missing.
struct ImageVersion {
    std::uint32_t version = 0;
    std::uint32_t readable_by = 0;
};
extern const ImageVersion image_version;

class ImageWriter {
public:
    /// `after`: goes on behind the image that was read with this sequence number, in its other slot.
    explicit ImageWriter(std::uint64_t sequence = 0, unsigned slot = 1,
                         ImageVersion version = image_version)
        : sequence_(sequence), slot_(slot), version_(version) {}

    struct Write {
        std::uint64_t offset = 0;
        std::string bytes;
        /// After this write the other slot's content is not needed any more.
        bool frees_other_slot = false;
        unsigned slot = 0;
    };
    /// nullopt: nothing changed since the last call.
    std::optional<Write> next(const rollout::State& state, const Ledger& ledger);
    /// The last write did not reach the file: the next one is whole again, and not over what was written
    /// before.
    void lost();

private:
    std::optional<Write> whole(const rollout::State& state, const Ledger& ledger);

    std::uint64_t sequence_;
    unsigned slot_;
    ImageVersion version_;
    std::uint64_t end_ = 0;        ///< of what this slot holds, relative to it
    std::uint64_t whole_size_ = 0; ///< of the record that this slot begins with
    bool begun_ = false;           ///< this slot begins with a record of ours
    Snapshot written_;
};

struct ReadImage {
    Snapshot snapshot;
    std::uint64_t sequence = 0; ///< of its last record
    unsigned slot = 0;
    std::uint32_t version = 0; ///< of its writer
};
/// `slots`: the bytes of each, as far as anything was written. Never throws, never crashes, whatever the
/// bytes; the error says why nothing could be read.
Result<ReadImage> read_image(const std::array<std::string_view, 2>& slots);

} // namespace svc::wire
