#include "svcd/host/fd_store.h"

#include <boost/asio/post.hpp>

#include <utility>

namespace svc::daemon {

UniqueFd KeptFds::take(const std::string& name) {
    const auto found = fds_.find(name);
    if (found == fds_.end())
        return {};
    UniqueFd fd = std::move(found->second);
    fds_.erase(found);
    return fd;
}

std::vector<std::string> KeptFds::names() const {
    std::vector<std::string> result;
    for (const auto& [name, fd] : fds_)
        result.push_back(name);
    return result;
}

struct FdStore::Impl {
    boost::asio::io_context& io;
    std::shared_ptr<const os::ManagerSocket> manager;
    std::vector<std::string> released{};
};

FdStore::FdStore(boost::asio::io_context& io, std::shared_ptr<const os::ManagerSocket> manager)
    : impl_(std::make_shared<Impl>(io, std::move(manager))) {}

FdStore::~FdStore() = default;

bool FdStore::present() const {
    return impl_->manager && impl_->manager->present();
}

void FdStore::put(const std::string& /*name*/, int /*fd*/) {}
void FdStore::remove(const std::string& /*name*/) {}
void FdStore::know(const std::vector<std::string>& /*names*/) {}

void FdStore::release(std::string name) {
    impl_->released.push_back(std::move(name));
}

void FdStore::settle() {
    for (const std::string& name : std::exchange(impl_->released, {}))
        remove(name);
}

void FdStore::barrier(Duration /*bound*/, std::function<void(bool)> then) {
    boost::asio::post(impl_->io, [then = std::move(then)] { then(false); });
}

} // namespace svc::daemon
