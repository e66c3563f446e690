// Mistakes: what is wrong with one service file, collected while it is read.
#pragma once

#include "wire/service_file.h"

#include <optional>
#include <toml++/toml.h>

namespace svc::wire::service_file {

/// Bounded: a hostile megabyte has room for hundreds of thousands of mistakes, and a person
/// corrects the first ones anyway.
class Mistakes {
public:
    static constexpr std::size_t limit = 100;

    /// unreadable: what stands there is not known, and nothing else can be said about it. readable: it is,
    /// and what follows from it is a mistake of its own.
    enum class Value { unreadable, readable };
    void add(toml::source_position where, std::string key, std::string message,
             Value value = Value::unreadable);
    /// What stands at `key`, or something below or above it, could not be read.
    [[nodiscard]] bool about(std::string_view key) const;
    /// In the order of the file.
    [[nodiscard]] std::vector<Mistake> sorted() &&;

private:
    std::vector<Mistake> found_;
    std::vector<std::string> unreadable_; ///< keys
    bool more_ = false;
};

/// What toml++ made of a text, or why it could not.
struct ParsedToml {
    toml::table root;
    std::optional<Mistake> wrong;
};
ParsedToml parse_toml(std::string_view text);
/// What is wrong with each key by itself; whether all together is possible is not asked.
std::vector<Mistake> find_unreadable(const toml::table& file);
/// A whole service file.
ParsedServiceFile read_service_file(const toml::table& file);

/// "an integer", "a list": what stands there instead of what should.
std::string_view type_name(const toml::node& node);

/// A key such as "stop.pre_stop.exec" or "listener[2].address" (counted from 1), where it stands in
/// the file; if it does not, where the nearest table around it does.
toml::source_position locate(const toml::table& root, std::string_view key);
/// Something stands at `key` that the text does not say: a preset added it.
bool has_no_place(const toml::table& root, std::string_view key);

/// Dotted keys and brackets nest without a bound in TOML, and a tree of half a million levels
/// overflows the stack when it is destroyed. A service file needs three levels: what has more than
/// 32 is not parsed at all.
std::optional<Mistake> find_deep_nesting(std::string_view text);

} // namespace svc::wire::service_file
