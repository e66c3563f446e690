#include "wire/service_file/table.h"

#include "base/text.h"

#include <algorithm>
#include <charconv>
#include <limits>

namespace svc::wire::service_file {

namespace {

constexpr std::size_t shown_value = 60;

} // namespace

std::string quoted(std::string_view text) {
    std::string shown = printable(text, shown_value);
    if (shown.size() < text.size())
        shown += "…";
    return '"' + shown + '"';
}

std::optional<std::uint32_t> parse_octal(std::string_view text, std::uint32_t most) {
    std::uint32_t value = 0;
    const char* end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data(), end, value, 8);
    if (text.empty() || parsed.ec != std::errc() || parsed.ptr != end || value > most)
        return std::nullopt;
    return value;
}

std::optional<std::string> plain_string(Table& table, std::string_view key, const toml::node& node,
                                        std::string_view example) {
    const auto* text = node.as_string();
    if (text == nullptr) {
        table.refuse_type(key, node, example);
        return std::nullopt;
    }
    if (text->get().find('\0') != std::string::npos) {
        table.refuse_at(node, key, "it has a NUL character in it; write it without \\u0000");
        return std::nullopt;
    }
    return text->get();
}

const toml::node* Table::find(std::string_view key) {
    if (std::find(known_.begin(), known_.end(), key) == known_.end())
        known_.emplace_back(key);
    return table_.get(key);
}

std::string Table::path_of(std::string_view key) const {
    if (path_.empty())
        return std::string(key);
    return path_ + '.' + std::string(key);
}

bool Table::read_string(std::string_view key, std::string& into, std::string_view example) {
    const toml::node* node = find(key);
    if (node == nullptr)
        return false;
    auto text = plain_string(*this, key, *node, example);
    if (!text)
        return false;
    if (text->empty()) {
        refuse(key, "it is empty; write " + std::string(key) + " = " + std::string(example) +
                        " or leave it out");
        return false;
    }
    into = std::move(*text);
    return true;
}

bool Table::read_strings(std::string_view key, std::vector<std::string>& into,
                         std::string_view example) {
    const toml::node* node = find(key);
    if (node == nullptr)
        return false;
    const toml::array* list = node->as_array();
    if (list == nullptr) {
        refuse_type(key, *node, example);
        return false;
    }
    std::vector<std::string> strings;
    bool right = true;
    for (const toml::node& element : *list) {
        auto text = plain_string(*this, key, element, example);
        if (text)
            strings.push_back(std::move(*text));
        else
            right = false;
    }
    if (right)
        into = std::move(strings);
    return right;
}

bool Table::read_bool(std::string_view key, std::optional<bool>& into) {
    const toml::node* node = find(key);
    if (node == nullptr)
        return false;
    const auto* value = node->as_boolean();
    if (value == nullptr) {
        refuse_type(key, *node, "true");
        return false;
    }
    into = value->get();
    return true;
}

bool Table::read_bool(std::string_view key, bool& into) {
    std::optional<bool> value;
    if (!read_bool(key, value))
        return false;
    into = *value;
    return true;
}

bool Table::read_duration(std::string_view key, Duration& into, std::string_view example) {
    const toml::node* node = find(key);
    if (node == nullptr)
        return false;
    const auto text = plain_string(*this, key, *node, example);
    if (!text)
        return false;
    const auto duration = parse_duration(*text);
    if (!duration) {
        refuse(key, duration.error().message);
        return false;
    }
    into = *duration;
    return true;
}

bool Table::read_size(std::string_view key, std::optional<std::uint32_t>& into,
                      std::string_view example) {
    const auto size = read_bytes(key, std::numeric_limits<std::int32_t>::max(), example);
    if (size)
        into = static_cast<std::uint32_t>(*size);
    return size.has_value();
}

bool Table::read_size(std::string_view key, std::optional<std::uint64_t>& into,
                      std::string_view example) {
    const auto size = read_bytes(key, std::numeric_limits<std::int64_t>::max(), example);
    if (size)
        into = *size;
    return size.has_value();
}

std::optional<std::uint64_t> Table::read_bytes(std::string_view key, std::int64_t most,
                                               std::string_view example) {
    const toml::node* node = find(key);
    if (node == nullptr)
        return std::nullopt;
    if (node->is_integer()) {
        const auto value = read_integer(key, 1, most);
        return value ? std::optional(static_cast<std::uint64_t>(*value)) : std::nullopt;
    }
    const auto text = plain_string(*this, key, *node, example);
    if (!text)
        return std::nullopt;
    const auto size = parse_size(*text);
    if (!size) {
        refuse(key, size.error().message);
        return std::nullopt;
    }
    if (*size < 1 || *size > static_cast<std::uint64_t>(most)) {
        refuse(key,
               quoted(*text) + " is out of range; write 1 to " + std::to_string(most) + " bytes");
        return std::nullopt;
    }
    return *size;
}

std::optional<std::int64_t> Table::read_integer(std::string_view key, std::int64_t least,
                                                std::int64_t most) {
    const toml::node* node = find(key);
    if (node == nullptr)
        return std::nullopt;
    const std::string range = std::to_string(least) + " to " + std::to_string(most);
    const auto* value = node->as_integer();
    if (value == nullptr) {
        refuse(key,
               std::string(type_name(*node)) + " stands here; write a whole number from " + range);
        return std::nullopt;
    }
    if (value->get() < least || value->get() > most) {
        refuse(key,
               std::to_string(value->get()) + " is out of range; write a number from " + range);
        return std::nullopt;
    }
    return value->get();
}

std::optional<std::size_t> Table::choose(std::string_view key,
                                         const std::vector<std::string>& words) {
    const toml::node* node = find(key);
    if (node == nullptr)
        return std::nullopt;
    const std::string right = "write \"" + join(words, "\" or \"") + '"';
    const auto* text = node->as_string();
    if (text == nullptr) {
        refuse(key, std::string(type_name(*node)) + " stands here; " + right);
        return std::nullopt;
    }
    const std::string& word = text->get();
    const auto found = std::find(words.begin(), words.end(), word);
    if (found != words.end())
        return static_cast<std::size_t>(found - words.begin());
    const std::string meant = nearest(word, words);
    refuse(key, quoted(word) + " is not one of the words for it; " +
                    (meant.empty() ? right : "did you mean \"" + meant + "\"?"));
    return std::nullopt;
}

std::optional<Table> Table::read_table(std::string_view key, std::string_view example) {
    const toml::node* node = find(key);
    if (node == nullptr)
        return std::nullopt;
    const toml::table* table = node->as_table();
    if (table == nullptr) {
        refuse_type(key, *node, example);
        return std::nullopt;
    }
    return Table(*table, path_of(key), mistakes_);
}

void Table::refuse(std::string_view key, std::string message) {
    const toml::node* node = table_.get(key);
    refuse_at(node == nullptr ? table_ : *node, key, std::move(message));
}

void Table::refuse_beside(std::string_view key, std::string message) {
    const toml::node* node = table_.get(key);
    mistakes_.add((node == nullptr ? table_ : *node).source().begin, path_of(key),
                  std::move(message), Mistakes::Value::readable);
}

void Table::refuse_type(std::string_view key, const toml::node& node, std::string_view example) {
    refuse_at(node, key,
              std::string(type_name(node)) + " stands here; write " + std::string(key) + " = " +
                  std::string(example));
}

void Table::refuse_all(std::string message) {
    mistakes_.add(table_.source().begin, path_, std::move(message));
}

void Table::refuse_at(const toml::node& node, std::string_view key, std::string message) {
    mistakes_.add(node.source().begin, path_of(key), std::move(message));
}

void Table::finish() {
    for (const auto& [key, node] : table_) {
        const std::string_view name = key.str();
        const std::string shown = printable(name, shown_value);
        if (std::find(known_.begin(), known_.end(), name) != known_.end())
            continue;
        const std::string meant = nearest(name, known_);
        std::vector<std::string> sorted = known_;
        std::sort(sorted.begin(), sorted.end());
        mistakes_.add(key.source().begin, path_of(shown),
                      meant.empty()
                          ? "there is no such key; the keys here are " + join(sorted, ", ")
                          : "there is no such key; did you mean " + meant + '?');
    }
}

} // namespace svc::wire::service_file
