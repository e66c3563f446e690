// Table: one table of a service file, read key by key with every mistake noted.
#pragma once

#include "wire/service_file/mistakes.h"

#include <optional>
#include <span>

namespace svc::wire::service_file {

/// A word that a key may have, and the value that it stands for.
template <class E>
struct Choice {
    std::string_view word;
    E value;
};

/// Reading a key makes it known; what nobody read when finish() is called is an unknown key. A
/// read_…() writes into `into` and says true only if the key is there and right; if it is there and
/// wrong, the mistake is noted and `into` keeps its value. `example` is the value that a person who
/// got it wrong is told to write, in TOML.
class Table {
public:
    /// `path` is what its keys are called by: "rollout", "listener[2]".
    Table(const toml::table& table, std::string path, Mistakes& mistakes)
        : table_(table), path_(std::move(path)), mistakes_(mistakes) {}

    /// Null if it is not there.
    const toml::node* find(std::string_view key);
    [[nodiscard]] bool has(std::string_view key) { return find(key) != nullptr; }
    [[nodiscard]] std::string path_of(std::string_view key) const;

    bool read_string(std::string_view key, std::string& into, std::string_view example);
    bool read_strings(std::string_view key, std::vector<std::string>& into,
                      std::string_view example);
    bool read_bool(std::string_view key, bool& into);
    bool read_bool(std::string_view key, std::optional<bool>& into);
    bool read_duration(std::string_view key, Duration& into, std::string_view example);
    /// Bytes: 4096, "64M".
    bool read_size(std::string_view key, std::optional<std::uint32_t>& into,
                   std::string_view example);
    bool read_size(std::string_view key, std::optional<std::uint64_t>& into,
                   std::string_view example);
    std::optional<std::int64_t> read_integer(std::string_view key, std::int64_t least,
                                             std::int64_t most);
    template <class T>
    bool read_integer(std::string_view key, T& into, std::int64_t least, std::int64_t most) {
        const auto value = read_integer(key, least, most);
        if (value)
            into = static_cast<T>(*value);
        return value.has_value();
    }
    template <class E>
    bool read_choice(std::string_view key, E& into, std::span<const Choice<E>> choices);
    /// The sub-table, or nothing (with a mistake noted if it is something else).
    std::optional<Table> read_table(std::string_view key, std::string_view example);

    /// Notes a mistake about the value of `key`.
    void refuse(std::string_view key, std::string message);
    /// What stands there was read, and makes no sense beside the rest.
    void refuse_beside(std::string_view key, std::string message);
    /// Notes a mistake about the table itself.
    void refuse_all(std::string message);
    void refuse_type(std::string_view key, const toml::node& node, std::string_view example);
    void refuse_at(const toml::node& node, std::string_view key, std::string message);
    /// Notes the unknown keys.
    void finish();

    [[nodiscard]] const toml::table& toml() const { return table_; }
    [[nodiscard]] Mistakes& mistakes() { return mistakes_; }

private:
    /// The place of the one chosen word, or nothing.
    std::optional<std::size_t> choose(std::string_view key, const std::vector<std::string>& words);
    std::optional<std::uint64_t> read_bytes(std::string_view key, std::int64_t most,
                                            std::string_view example);

    const toml::table& table_;
    std::string path_;
    Mistakes& mistakes_;
    std::vector<std::string> known_;
};

/// `text` in quotes, printable and not too long: how a wrong value is shown.
std::string quoted(std::string_view text);
/// "0027" → 027; nothing if it is not octal or more than `most`.
std::optional<std::uint32_t> parse_octal(std::string_view text, std::uint32_t most);
/// A string without NUL, which neither a path nor an argument can hold; notes the mistake.
std::optional<std::string> plain_string(Table& table, std::string_view key, const toml::node& node,
                                        std::string_view example);

template <class E>
bool Table::read_choice(std::string_view key, E& into, std::span<const Choice<E>> choices) {
    std::vector<std::string> words;
    for (const Choice<E>& choice : choices)
        words.emplace_back(choice.word);
    const auto index = choose(key, words);
    if (index)
        into = choices[*index].value;
    return index.has_value();
}

} // namespace svc::wire::service_file
