#include "svcd/host/watching/notify_reader.h"

#include "os/files.h"

namespace svc::daemon {

namespace {

constexpr int batch_size = 64;
// More than the kernel queues (net.unix.max_dgram_qlen and SO_SNDBUF: some 280), and an end for the
// case that a descendant outside the worker's process group goes on writing.
constexpr int drain_size = 1024;

} // namespace

NotifyReader::NotifyReader(boost::asio::io_context& io, std::string path, Watch watch,
                           Handlers handlers)
    : path_(std::move(path)), watch_(std::move(watch)), again_(io, [this] { go_on(); }),
      handlers_(std::move(handlers)) {}

Result<std::unique_ptr<NotifyReader>> NotifyReader::make(boost::asio::io_context& io,
                                                         std::string path, UniqueFd socket,
                                                         Handlers handlers) {
    auto watch = Watch::make(io, std::move(socket));
    if (!watch) {
        os::remove_file(path);
        return watch.error();
    }
    auto reader = std::unique_ptr<NotifyReader>(
        new NotifyReader(io, std::move(path), std::move(*watch), std::move(handlers)));
    reader->watch_.when_readable([self = reader.get()] { self->go_on(); });
    return reader;
}

NotifyReader::~NotifyReader() {
    os::remove_file(path_);
}

bool NotifyReader::read_one() {
    const std::string text = os::peek_text(watch_.fd());
    const bool is_said_once =
        text.find("READY=1") != std::string::npos || text.find("MAINPID=") != std::string::npos;
    auto received =
        is_said_once ? os::peek_datagram(watch_.fd()) : os::receive_datagram(watch_.fd());
    // An error is one of a datagram (its fds found no room, say), not of the socket; the next read goes on
    // behind it. A dead socket would say it at every read: the batch bounds that.
    if (received && !*received)
        return false;
    if (received)
        handlers_.datagram(std::move(**received));
    if (is_said_once) {
        handlers_.keep();
        static_cast<void>(os::receive_datagram(watch_.fd()));
    }
    return true;
}

bool NotifyReader::read_batch(int limit) {
    bool more = true;
    for (int count = 0; count < limit && more; ++count)
        more = read_one();
    handlers_.batch_ended();
    return more;
}

void NotifyReader::go_on() {
    if (read_batch(batch_size))
        again_.wake();
    else
        watch_.when_readable([this] { go_on(); });
}

void NotifyReader::drain() {
    read_batch(drain_size);
}

} // namespace svc::daemon
