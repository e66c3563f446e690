// What journald takes (sd-journal(3), systemd.io/JOURNAL_NATIVE_PROTOCOL), without libsystemd: a stream is seven
// lines, an entry is a datagram. Nothing here ever waits for journald.
#pragma once

#include "base/result.h"
#include "base/unique_fd.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace svc::os {

inline constexpr const char* journal_stream_path = "/run/systemd/journal/stdout";
inline constexpr const char* journal_entry_path = "/run/systemd/journal/socket";

/// What a stream begins with: each line after it is an entry with this identifier, of priority info unless it
/// begins with "<N>" (sd-daemon(3)).
std::string journal_stream_header(std::string_view identifier);
/// A blocking socket for somebody's stdout and stderr: only its writer ever waits. journald that is being
/// restarted serves it later; the error is that there is none, or that it takes nobody.
Result<UniqueFd> open_journal_stream(std::string_view identifier,
                                     const char* path = journal_stream_path);

/// To a stream that others write to as well: false if it is not taken at once.
bool write_to_stream(int stream, std::string_view text);

using JournalFields = std::vector<std::pair<std::string, std::string>>;
/// As it stands in the datagram.
std::string encode_journal_entry(const JournalFields& fields);

/// Sends entries; each that journald does not take at once is the caller's again.
class JournalSocket {
public:
    explicit JournalSocket(std::string path = journal_entry_path);
    [[nodiscard]] bool send(const JournalFields& fields) const;

private:
    std::string path_;
    UniqueFd socket_;
};

/// True if `journal_stream`, which JOURNAL_STREAM is (systemd.exec(5)), names the file that `fd` is.
bool is_journal(int fd, const char* journal_stream);
bool is_terminal(int fd);

} // namespace svc::os
