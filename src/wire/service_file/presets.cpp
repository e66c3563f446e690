#include "wire/service_file/presets.h"

namespace svc::wire::service_file {

namespace {

/// toml++ copies a node without its place.
void add_what_is_missing(toml::table& to, const toml::table& from) {
    for (const auto& [key, node] : from) {
        toml::node* const mine = to.get(key);
        if (mine == nullptr)
            to.insert(key, node);
        else if (mine->is_table() && node.is_table())
            add_what_is_missing(*mine->as_table(), *node.as_table());
    }
}

void add_to_listeners(toml::table& file, const toml::table& defaults) {
    toml::array* const listeners = file["listener"].as_array();
    if (listeners == nullptr)
        return;
    for (toml::node& each : *listeners)
        if (each.is_table())
            add_what_is_missing(*each.as_table(), defaults);
}

void begin_with(toml::table& file, toml::table preset) {
    if (const toml::table* defaults = preset["listener"].as_table())
        add_to_listeners(file, *defaults);
    preset.erase("listener");
    add_what_is_missing(file, preset);
}

} // namespace

std::optional<Mistake> begin_with_preset(toml::table& file, const PresetPlace& place) {
    const toml::node* const node = file["service"]["preset"].node();
    if (node == nullptr)
        return std::nullopt;
    const auto refused = [node](std::string why) {
        const toml::source_position where = node->source().begin;
        return Mistake{where.line, where.column, "service.preset", std::move(why)};
    };
    const auto* const name = node->as_string();
    if (name == nullptr)
        return refused(std::string(type_name(*node)) + " stands here; write preset = \"nginx\"");
    const auto found = find_preset(name->get(), place);
    if (!found)
        return refused(found.error().message);
    if (const auto wrong = check_preset(found->text))
        return refused(format_mistake(found->from, *wrong));
    begin_with(file, toml::parse(found->text));
    return std::nullopt;
}

std::optional<Mistake> check_preset(std::string_view text) {
    ParsedToml preset = parse_toml(text);
    if (preset.wrong)
        return preset.wrong;
    if (preset.root["service"]["preset"])
        return Mistake{0, 0, "service.preset", "a preset does not begin with another one"};
    if (const auto defaults = preset.root["listener"]; defaults && !defaults.is_table())
        return Mistake{
            0, 0, "listener",
            "here it is the table [listener], which holds for each [[listener]] of a service file"};
    // Its own keys keep their places; what any service adds comes from here.
    toml::table defaults = preset.root["listener"].is_table()
                               ? std::move(*preset.root["listener"].as_table())
                               : toml::table{};
    add_what_is_missing(defaults, toml::table{{"name", "any"}, {"address", "127.0.0.1:0"}});
    preset.root.insert_or_assign("listener", toml::array{std::move(defaults)});
    add_what_is_missing(
        preset.root, toml::table{{"service", toml::table{{"command", toml::array{"/bin/true"}}}}});
    std::vector<Mistake> wrong = find_unreadable(preset.root);
    if (wrong.empty())
        return std::nullopt;
    return std::move(wrong.front());
}

} // namespace svc::wire::service_file
