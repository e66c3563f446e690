#include "base/listener_options.h"

#include <string_view>
#include <tuple>

namespace svc {

namespace {

constexpr std::uint32_t default_mode = 0666;

// What is not written means its default, so that writing the default down is no change.
auto creation_part(const ListenerOptions& options) {
    return std::tuple(options.v6only.value_or(true), options.reuse_port, options.free_bind,
                      options.transparent, std::string_view(options.bind_to_device),
                      options.nonblock, options.mode.value_or(default_mode),
                      std::string_view(options.owner), std::string_view(options.group));
}

} // namespace

bool same_creation(const ListenerOptions& a, const ListenerOptions& b) {
    return creation_part(a) == creation_part(b);
}

} // namespace svc
