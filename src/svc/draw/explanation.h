// What `svc check` says of a service file, as text. Pure.
#pragma once

#include "wire/service_file.h"

#include <cstddef>
#include <string>
#include <vector>

namespace svc::cli {

/// A headword a paragraph, beside it its lines, broken at spaces at `width` columns.
std::string draw_explanation(const std::vector<wire::Paragraph>& paragraphs, std::size_t width);

} // namespace svc::cli
