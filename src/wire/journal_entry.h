// An entry as `journalctl --output=json` writes it.
#pragma once

#include <boost/json/object.hpp>

#include <string>
#include <string_view>

namespace svc::wire {

/// The field's bytes: journalctl writes a string, or an array of bytes if it is no UTF-8. Empty: there is none, or it
/// is not told (a field of more than 4 KiB without --all).
std::string journal_field(const boost::json::object& entry, std::string_view name);

} // namespace svc::wire
