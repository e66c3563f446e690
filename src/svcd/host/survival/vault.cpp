#include "svcd/host/survival/vault.h"

#include "os/memory_file.h"

#include <utility>

namespace svc::daemon {

Result<wire::ReadImage> read_state(int fd) {
    if (!os::is_memory_file(fd))
        return Error{"what is stored as " + std::string(state_name) + " is no memory file"};
    std::array<std::string, 2> slots;
    for (unsigned slot = 0; slot < slots.size(); ++slot) {
        auto bytes = os::read_at(fd, slot * wire::image_slot_size, wire::image_slot_limit);
        if (!bytes)
            return bytes.error();
        slots[slot] = std::move(*bytes);
    }
    return wire::read_image({slots[0], slots[1]});
}

Result<std::optional<wire::Snapshot>> Vault::take_over(KeptFds& kept) {
    UniqueFd file = kept.take(state_name);
    if (!file)
        return std::optional<wire::Snapshot>();
    auto image = read_state(file.get());
    if (!image)
        return image.error();
    file_ = std::move(file);
    store_.hold(state_name, file_.get());
    writer_ = wire::ImageWriter(image->sequence, image->slot);
    return std::optional(std::move(image->snapshot));
}

Result<void> Vault::open() {
    if (file_)
        return {};
    auto made = os::make_memory_file("svc-state");
    if (!made)
        return made.error();
    file_ = std::move(*made);
    writer_ = wire::ImageWriter();
    store_.put(state_name, file_.get());
    return {};
}

bool Vault::publish(const rollout::State& state, const wire::Ledger& ledger) {
    if (!file_)
        return false;
    if (const auto write = writer_.next(state, ledger)) {
        const auto written = os::write_at(file_.get(), write->offset, write->bytes);
        if (!written) {
            writer_.lost();
            if (!std::exchange(warned_, true))
                warn_("the state cannot be written where it survives this supervisor: " +
                      written.error().message +
                      "; if it is killed now, an older state is gone on with");
            return false;
        }
        warned_ = false;
        if (write->frees_other_slot)
            os::free_range(file_.get(), (1 - write->slot) * wire::image_slot_size,
                           wire::image_slot_size);
    }
    return true;
}

void Vault::forget() {
    store_.remove(state_name);
    file_.reset();
    writer_ = wire::ImageWriter();
}

void Vault::give_up() {
    store_.remove_all(state_name);
    file_.reset();
}

} // namespace svc::daemon
