#include "svcd/host/worker_output.h"

#include "os/fd.h"
#include "os/journal.h"
#include "os/pipe.h"
#include "svcd/host/host_context.h"

#include <cstdlib>

namespace svc::daemon {

namespace {

using rollout::LogOutput;

constexpr int own_stderr = 2;

bool is_set(const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr && *value != '\0';
}

/// One fd for the two.
void give(LaunchParcel& parcel, WorkerPlace& place, UniqueFd fd, bool both) {
    place.stderr_index = static_cast<int>(parcel.fds.size());
    if (both)
        place.stdout_index = place.stderr_index;
    parcel.fds.push_back(fd.get());
    parcel.owned.push_back(std::move(fd));
}

} // namespace

std::string journal_identifier(std::string_view service, std::uint64_t revision,
                               std::uint32_t replica) {
    return std::string(service) + ".r" + std::to_string(revision) + "." + std::to_string(replica);
}

OutputPlaces::OutputPlaces()
    : stderr_is_journal_(os::is_journal(own_stderr, std::getenv("JOURNAL_STREAM"))),
      stderr_is_terminal_(os::is_terminal(own_stderr)),
      color_(stderr_is_terminal_ && !is_set("NO_COLOR")) {}

LogOutput OutputPlaces::chosen(const rollout::Spec& spec) const {
    if (spec.log.output != LogOutput::automatic)
        return spec.log.output;
    if (spec.process.error_output == rollout::ErrorOutput::inherit)
        return LogOutput::inherit;
    if (stderr_is_journal_)
        return LogOutput::journal;
    return stderr_is_terminal_ ? LogOutput::prefix : LogOutput::capture;
}

std::unique_ptr<OutputPlace>
OutputPlaces::make(HostContext& context, const rollout::Revision& revision, std::uint32_t replica) {
    switch (chosen(revision.spec)) {
    case LogOutput::file:
        return std::make_unique<FilePlace>(
            files.find(revision.spec.log.file, revision.spec.log.mode, context.callbacks.warn));
    case LogOutput::automatic:
    case LogOutput::inherit:
    case LogOutput::capture:
        return std::make_unique<ErrorPlace>(context.errors);
    case LogOutput::journal: // it could not be reached
    case LogOutput::prefix:
        return std::make_unique<PrefixPlace>(
            context.errors,
            context.settings.trial
                ? "r" + std::to_string(revision.number) + "-" + std::to_string(replica) + " | "
                : make_prefix(context.settings.name, replica, revision.number, color_));
    }
    fatal("OutputPlaces::make(): no such place");
}

Result<void> WorkerOutput::open(const rollout::Revision& revision, std::uint32_t replica,
                                LaunchParcel& parcel, WorkerPlace& place) {
    switch (context_.places.chosen(revision.spec)) {
    case LogOutput::automatic:
    case LogOutput::inherit:
        return {};
    case LogOutput::capture:
        return open_pipe(revision, replica, parcel, place, false);
    case LogOutput::journal:
        if (open_journal(revision, replica, parcel, place))
            return {};
        return open_pipe(revision, replica, parcel, place, true);
    case LogOutput::prefix:
    case LogOutput::file:
        return open_pipe(revision, replica, parcel, place, true);
    }
    fatal("WorkerOutput::open(): no such place");
}

Result<void> WorkerOutput::open_pipe(const rollout::Revision& revision, std::uint32_t replica,
                                     LaunchParcel& parcel, WorkerPlace& place, bool both) {
    auto pipe = os::make_pipe();
    if (!pipe)
        return pipe.error();
    os::enlarge_pipe(pipe->read_end.get());
    auto relay = OutputRelay::make(context_.io, std::move(pipe->read_end),
                                   context_.places.make(context_, revision, replica));
    if (!relay)
        return relay.error();
    relay_ = std::move(*relay);
    give(parcel, place, std::move(pipe->write_end), both);
    return {};
}

bool WorkerOutput::open_journal(const rollout::Revision& revision, std::uint32_t replica,
                                LaunchParcel& parcel, WorkerPlace& place) {
    const std::string identifier =
        journal_identifier(context_.settings.name, revision.number, replica);
    auto stream = os::open_journal_stream(identifier);
    auto copy = stream ? os::duplicate(stream->get()) : Result<UniqueFd>(stream.error());
    if (!copy) {
        if (!std::exchange(context_.places.journal_missed, true))
            context_.callbacks.warn(copy.error().message +
                                    "; until it can be reached, what new workers write passes "
                                    "through the supervisor to its stderr");
        return false;
    }
    context_.places.journal_missed = false;
    journal_ = std::move(*copy);
    identifier_ = identifier;
    give(parcel, place, std::move(*stream), true);
    return true;
}

Result<void> WorkerOutput::take_over(UniqueFd pipe, UniqueFd journal,
                                     const rollout::Revision& revision, std::uint32_t replica,
                                     const wire::WorkerRecord& left) {
    journal_ = std::move(journal);
    identifier_ = left.journal_identifier;
    if (!pipe)
        return {};
    auto relay = OutputRelay::make(context_.io, std::move(pipe),
                                   context_.places.make(context_, revision, replica));
    if (!relay)
        return relay.error();
    relay_ = std::move(*relay);
    return {};
}

void WorkerOutput::note(wire::WorkerRecord& record) const {
    record.captured = relay_ != nullptr;
    record.journal_identifier = identifier_;
}

std::vector<std::pair<std::string_view, int>> WorkerOutput::fds() const {
    return {{"output", relay_ ? relay_->fd() : -1}, {"journal", journal_ ? journal_.get() : -1}};
}

void WorkerOutput::drain() {
    if (relay_)
        relay_->drain();
}

std::vector<std::string> WorkerOutput::lines() const {
    if (relay_)
        return relay_->lines();
    if (read_back_)
        return lines_;
    if (!identifier_.empty())
        return {"(its last lines are in the journal: journalctl -t " + identifier_ + ")"};
    return {};
}

void WorkerOutput::read_back(const std::string& last, std::function<void()> then) {
    // A line that was not taken is not waited for. lines() says where to look.
    if (!os::write_to_stream(journal_.get(), "<6>" + last + "\n"))
        return then(); // it may destroy us
    reading_ = std::make_unique<JournalReading>(
        context_.io, context_.places.journal_shows_nothing, identifier_, last,
        [this, then = std::move(then)](std::vector<std::string> found) {
            lines_ = std::move(found);
            read_back_ = true;
            then(); // it may destroy us
        });
}

void WorkerOutput::close() {
    reading_.reset();
    journal_.reset();
    context_.let_linger(std::move(relay_));
}

} // namespace svc::daemon
