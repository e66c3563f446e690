#include "svcd/host/output/log_file.h"

#include "os/clock.h"
#include "os/log_file.h"
#include "os/pipe.h"

#include <cerrno>

namespace svc::daemon {

namespace {

constexpr Duration retry_interval = std::chrono::seconds(1);

} // namespace

LogFile::LogFile(std::string path, std::uint32_t mode, Tell tell)
    : path_(std::move(path)), mode_(mode), tell_(std::move(tell)) {
    open();
}

bool LogFile::open() {
    next_try_ = os::now() + retry_interval;
    auto file = os::open_log_file(path_, mode_);
    if (!file) {
        fail(file.error().message);
        return false;
    }
    file_ = std::move(*file);
    splices_ = true;
    return true;
}

void LogFile::fail(const std::string& why) {
    if (!std::exchange(failing_, true))
        tell_(why + "; what the workers write to " + path_ + " is lost until it can be written");
}

void LogFile::reopen() {
    auto file = os::open_log_file(path_, mode_);
    if (file) {
        file_ = std::move(*file);
        splices_ = true;
    } else {
        tell_(file.error().message + (file_ ? "; the file that was open until now goes on" : ""));
    }
}

bool LogFile::write_some(std::string_view bytes, int pipe, std::size_t& written) {
    if (pipe >= 0 && splices_) {
        auto moved = os::move_to_end(pipe, file_.get(), bytes.size());
        if (moved && *moved > 0) {
            written = *moved;
            return true;
        }
        if (moved || moved.error().code != EINVAL) {
            fail(moved ? "nothing can be written" : moved.error().message);
            return false;
        }
        splices_ = false;
    }
    const auto appended = os::append(file_.get(), bytes);
    if (!appended || *appended == 0) {
        fail(appended ? "nothing can be written" : appended.error().message);
        return false;
    }
    written = *appended;
    if (pipe >= 0)
        static_cast<void>(os::discard(pipe, written));
    return true;
}

void LogFile::write(std::string_view bytes, int pipe) {
    const bool usable = file_ || (os::now() >= next_try_ && open());
    while (usable && !bytes.empty()) {
        std::size_t written = 0;
        if (!write_some(bytes, pipe, written))
            break;
        bytes.remove_prefix(written);
        if (std::exchange(failing_, false))
            tell_(path_ + " is written again; " + std::to_string(std::exchange(dropped_, 0)) +
                  " bytes are missing in it");
    }
    dropped_ += bytes.size();
    if (pipe >= 0)
        static_cast<void>(os::discard(pipe, bytes.size()));
}

std::shared_ptr<LogFile> LogFiles::find(const std::string& path, std::uint32_t mode,
                                        const LogFile::Tell& tell) {
    auto& known = files_[path];
    auto file = known.lock();
    if (!file)
        known = file = std::make_shared<LogFile>(path, mode, tell);
    file->set_mode(mode);
    return file;
}

std::size_t LogFiles::reopen() {
    std::erase_if(files_, [](const auto& entry) { return entry.second.expired(); });
    for (const auto& [path, file] : files_)
        if (const auto open = file.lock())
            open->reopen();
    return files_.size();
}

} // namespace svc::daemon
