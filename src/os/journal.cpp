#include "os/journal.h"

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace svc::os {

namespace {

constexpr int stream_buffer = 8 << 20;     // as systemd's own: src/core/exec-invoke.c
constexpr std::size_t value_limit = 32768; ///< of one field: an entry must fit into a datagram

sockaddr_un address_of(std::string_view path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    return address;
}

void append_number(std::string& to, std::uint64_t value) {
    for (int byte = 0; byte < 8; ++byte)
        to.push_back(static_cast<char>(value >> (8 * byte)));
}

} // namespace

std::string journal_stream_header(std::string_view identifier) {
    // Identifier; unit (root's to say; journald finds it by the writer's cgroup); priority; whether "<N>" is
    // understood; syslog; kmsg; console.
    return std::string(identifier) + "\n\n6\n1\n0\n0\n0\n";
}

Result<UniqueFd> open_journal_stream(std::string_view identifier, const char* path) {
    UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket)
        return system_error("cannot make a socket for the journal", errno);
    const sockaddr_un address = address_of(path);
    // EAGAIN: so many streams wait for a journald that does not accept them.
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return system_error("cannot reach the journal at " + std::string(path), errno);
    ::shutdown(socket.get(), SHUT_RD);
    if (::setsockopt(socket.get(), SOL_SOCKET, SO_SNDBUFFORCE, &stream_buffer,
                     sizeof stream_buffer) != 0)
        ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDBUF, &stream_buffer, sizeof stream_buffer);
    const std::string header = journal_stream_header(identifier);
    if (::send(socket.get(), header.data(), header.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(header.size()))
        return system_error("the journal does not take a stream", errno);
    const int flags = ::fcntl(socket.get(), F_GETFL);
    if (flags < 0 || ::fcntl(socket.get(), F_SETFL, flags & ~O_NONBLOCK) != 0)
        return system_error("cannot make the journal's socket block", errno);
    return socket;
}

bool write_to_stream(int stream, std::string_view text) {
    return ::send(stream, text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL) ==
           static_cast<ssize_t>(text.size());
}

std::string encode_journal_entry(const JournalFields& fields) {
    std::string entry;
    for (const auto& [name, whole] : fields) {
        const std::string_view value = std::string_view(whole).substr(0, value_limit);
        entry += name;
        if (value.find('\n') == std::string_view::npos) {
            entry += '=';
        } else {
            entry += '\n';
            append_number(entry, value.size());
        }
        entry += value;
        entry += '\n';
    }
    return entry;
}

JournalSocket::JournalSocket(std::string path)
    : path_(std::move(path)), socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {}

bool JournalSocket::send(const JournalFields& fields) const {
    const std::string entry = encode_journal_entry(fields);
    // By its name each time: a journald that was started again is another socket.
    const sockaddr_un address = address_of(path_);
    return ::sendto(socket_.get(), entry.data(), entry.size(), MSG_DONTWAIT | MSG_NOSIGNAL,
                    reinterpret_cast<const sockaddr*>(&address),
                    sizeof address) == static_cast<ssize_t>(entry.size());
}

bool is_journal(int fd, const char* journal_stream) {
    if (journal_stream == nullptr)
        return false;
    struct stat status {};
    if (::fstat(fd, &status) != 0)
        return false;
    return std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino) == journal_stream;
}

bool is_terminal(int fd) {
    return ::isatty(fd) != 0;
}

} // namespace svc::os
