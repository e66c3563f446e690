// OutputPlace: where an OutputRelay passes on to.
#pragma once

#include "svcd/host/output/error_sink.h"
#include "svcd/host/output/log_file.h"

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace svc::daemon {

/// What was passed on leaves the pipe afterwards: a supervisor that is killed in between repeats it, and
/// nothing is lost. (A LogFile does both in one step, and nothing is repeated either.)
class OutputPlace {
public:
    OutputPlace() = default;
    OutputPlace(const OutputPlace&) = delete;
    OutputPlace& operator=(const OutputPlace&) = delete;
    virtual ~OutputPlace() = default;

    /// `bytes` are the next ones of `pipe`, or in no pipe any more (-1). How many of them are done with, and out
    /// of the pipe. Fewer than given: it is full; call wait().
    virtual std::size_t pass(std::string_view bytes, int pipe) = 0;
    /// Calls `then` once when there may be room.
    virtual void wait(std::function<void()> then) = 0;
    virtual void forget() = 0;
    /// Others write there, too: a line is not to be cut by one of theirs.
    [[nodiscard]] virtual bool takes_lines() const = 0;
};

/// Byte for byte to our stderr.
class ErrorPlace final : public OutputPlace {
public:
    explicit ErrorPlace(ErrorSink& sink) : sink_(sink) {}
    ~ErrorPlace() override { sink_.forget(this); }
    std::size_t pass(std::string_view bytes, int pipe) override;
    void wait(std::function<void()> then) override { sink_.wait(this, std::move(then)); }
    void forget() override { sink_.forget(this); }
    [[nodiscard]] bool takes_lines() const override { return false; }

private:
    ErrorSink& sink_;
};

/// To our stderr, each line after its worker's name. A line that was passed on in part, because the terminal is
/// full, is finished before anything else is written there; a supervisor that is killed just then leaves the
/// part, and the next one writes the line whole.
class PrefixPlace final : public OutputPlace {
public:
    /// `prefix` is written as it is; make_prefix() makes one.
    PrefixPlace(ErrorSink& sink, std::string prefix) : sink_(sink), prefix_(std::move(prefix)) {}
    ~PrefixPlace() override { sink_.forget(this); }
    std::size_t pass(std::string_view bytes, int pipe) override;
    void wait(std::function<void()> then) override { sink_.wait(this, std::move(then)); }
    void forget() override { sink_.forget(this); }
    [[nodiscard]] bool takes_lines() const override { return true; }

private:
    ErrorSink& sink_;
    std::string prefix_;
    std::size_t written_ = 0; // of the first line that is not done with, its prefix included
};

/// "web.2 | ", in one of six colours, which neighbours do not share.
std::string make_prefix(std::string_view service, std::uint32_t replica, std::uint64_t revision,
                        bool color);

class FilePlace final : public OutputPlace {
public:
    explicit FilePlace(std::shared_ptr<LogFile> file) : file_(std::move(file)) {}
    std::size_t pass(std::string_view bytes, int pipe) override {
        file_->write(bytes, pipe);
        return bytes.size();
    }
    void wait(std::function<void()>) override {} // never full
    void forget() override {}
    [[nodiscard]] bool takes_lines() const override { return true; }

private:
    std::shared_ptr<LogFile> file_;
};

} // namespace svc::daemon
