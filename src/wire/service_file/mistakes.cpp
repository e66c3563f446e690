#include "wire/service_file/mistakes.h"

#include "base/text.h"

#include <algorithm>
#include <charconv>

namespace svc::wire::service_file {

namespace {

/// `inner` is `outer` itself or something in it: "stop.grace" is in "stop", not in "stop.gra".
bool is_within(std::string_view inner, std::string_view outer) {
    return inner.starts_with(outer) && (inner.size() == outer.size() ||
                                        inner[outer.size()] == '.' || inner[outer.size()] == '[');
}

/// Cuts the first step off a key: "listener[2].address" → "listener[2]".
std::string_view take_step(std::string_view& key) {
    const std::size_t dot = std::min(key.find('.'), key.size());
    const std::string_view step = key.substr(0, dot);
    key.remove_prefix(std::min(dot + 1, key.size()));
    return step;
}

const toml::node* element(const toml::node* list, std::string_view number) {
    std::size_t index = 0;
    std::from_chars(number.data(), number.data() + number.size(), index);
    const toml::array* array = list == nullptr ? nullptr : list->as_array();
    return array == nullptr || index == 0 ? nullptr : array->get(index - 1);
}

/// What stands at `key`, if anything does; each node on the way there is visited.
const toml::node* walk(const toml::table& root, std::string_view key, auto visit) {
    const toml::node* here = &root;
    while (!key.empty() && here != nullptr) {
        if (!here->is_table())
            return nullptr;
        const std::string_view step = take_step(key);
        const std::size_t bracket = std::min(step.find('['), step.size());
        here = here->as_table()->get(step.substr(0, bracket));
        if (bracket < step.size())
            here = element(here, step.substr(bracket + 1, step.size() - bracket - 2));
        if (here != nullptr)
            visit(*here);
    }
    return here;
}

} // namespace

void Mistakes::add(toml::source_position where, std::string key, std::string message, Value value) {
    if (found_.size() >= limit) {
        more_ = true;
        return;
    }
    if (value == Value::unreadable)
        unreadable_.push_back(key);
    found_.push_back(Mistake{where.line, where.column, std::move(key), std::move(message)});
}

bool Mistakes::about(std::string_view key) const {
    return std::any_of(unreadable_.begin(), unreadable_.end(), [&](const std::string& one) {
        return is_within(one, key) || is_within(key, one);
    });
}

std::vector<Mistake> Mistakes::sorted() && {
    std::stable_sort(found_.begin(), found_.end(), [](const Mistake& a, const Mistake& b) {
        return std::pair(a.line, a.column) < std::pair(b.line, b.column);
    });
    if (more_)
        found_.push_back(Mistake{0, 0, "", "there are more mistakes; correct these first"});
    return std::move(found_);
}

std::string_view type_name(const toml::node& node) {
    switch (node.type()) {
    case toml::node_type::none:
        return "nothing";
    case toml::node_type::table:
        return "a table";
    case toml::node_type::array:
        return "a list";
    case toml::node_type::string:
        return "a string";
    case toml::node_type::integer:
        return "an integer";
    case toml::node_type::floating_point:
        return "a number with a fraction";
    case toml::node_type::boolean:
        return "a boolean";
    case toml::node_type::date:
    case toml::node_type::time:
    case toml::node_type::date_time:
        return "a date or time";
    }
    fatal("type_name: no such TOML type");
}

toml::source_position locate(const toml::table& root, std::string_view key) {
    toml::source_position best{};
    walk(root, key, [&](const toml::node& node) {
        if (node.source().begin)
            best = node.source().begin;
    });
    return best;
}

bool has_no_place(const toml::table& root, std::string_view key) {
    const toml::node* const node = walk(root, key, [](const toml::node&) {});
    return node != nullptr && !node->source().begin;
}

} // namespace svc::wire::service_file
