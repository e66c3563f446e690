#include "wire/metrics.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace svc::wire {

namespace {

constexpr double microseconds_per_second = 1e6;

bool is_name(std::string_view text) {
    const auto is_letter = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    };
    return !text.empty() && is_letter(text.front()) &&
           std::all_of(text.begin(), text.end(),
                       [&](char c) { return is_letter(c) || (c >= '0' && c <= '9'); });
}

std::string number(double value) {
    // Counts in full, as far as a double has them whole.
    constexpr double whole = 9e15;
    if (value == std::floor(value) && std::abs(value) < whole)
        return std::to_string(static_cast<std::int64_t>(value));
    // Without an exponent where that is no longer: OpenMetrics wants bounds to look like this.
    constexpr double small = 1e-5;
    const auto format = std::abs(value) >= small && std::abs(value) < whole
                            ? std::chars_format::fixed
                            : std::chars_format::general;
    std::array<char, 32> digits;
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value, format).ptr;
    return {digits.data(), end};
}

/// A `quote` is escaped in a label's value and in OpenMetrics' help.
void append_escaped(std::string& out, std::string_view text, bool quote) {
    for (const char c : text) {
        if (c == '\n')
            out += "\\n";
        else if (c == '\\')
            out += "\\\\";
        else if (c == '"' && quote)
            out += "\\\"";
        else
            out += c;
    }
}

void append_sample(std::string& out, const MetricSample& sample) {
    const bool named = std::all_of(sample.labels.begin(), sample.labels.end(),
                                   [](const auto& label) { return is_name(label.first); });
    if (!named || !is_name(sample.name))
        return;
    out += sample.name;
    std::string_view separator = "{";
    for (const auto& [name, value] : sample.labels) {
        out += separator;
        separator = ",";
        out += name;
        out += "=\"";
        append_escaped(out, value, true);
        out += '"';
    }
    if (!sample.labels.empty())
        out += '}';
    out += ' ';
    out += number(sample.value);
    out += '\n';
}

/// What the text calls a family: Prometheus's has the suffix of its samples, and no "info".
struct Heading {
    std::string name;
    std::string type;
};
Heading heading_of(const MetricFamily& family, MetricsFormat format) {
    if (format == MetricsFormat::openmetrics)
        return {family.name, family.type};
    if (family.type == "counter")
        return {family.name + "_total", "counter"};
    if (family.type == "info")
        return {family.name + "_info", "gauge"};
    return {family.name, family.type};
}

} // namespace

MetricFamily make_family(std::string_view type, std::string_view name, std::string_view unit,
                         std::string_view help) {
    MetricFamily family;
    family.type = type;
    family.name = name;
    family.unit = unit;
    family.help = help;
    return family;
}

void add_sample(MetricFamily& family, MetricLabels labels, double value) {
    const std::string_view suffix = family.type == "counter" ? "_total"
                                    : family.type == "info"  ? "_info"
                                                             : "";
    family.samples.push_back({family.name + std::string(suffix), std::move(labels), value});
}

void add_histogram(MetricFamily& family, const MetricLabels& labels, const DurationTotals& totals,
                   std::span<const Duration> bounds) {
    const bool fits = totals.counts.size() == bounds.size() + 1;
    std::uint64_t so_far = 0;
    const auto add = [&](std::string_view suffix, MetricLabels with, double value) {
        family.samples.push_back({family.name + std::string(suffix), std::move(with), value});
    };
    for (std::size_t index = 0; index <= bounds.size(); ++index) {
        so_far += fits ? totals.counts[index] : 0;
        MetricLabels with = labels;
        // OpenMetrics: a bound is written as a real number.
        std::string bound = "+Inf";
        if (index < bounds.size()) {
            bound = number(static_cast<double>(bounds[index].count()) / microseconds_per_second);
            if (bound.find_first_of(".e") == std::string::npos)
                bound += ".0";
        }
        with["le"] = std::move(bound);
        add("_bucket", std::move(with), static_cast<double>(so_far));
    }
    add("_sum", labels, fits ? static_cast<double>(totals.sum_us) / microseconds_per_second : 0);
    add("_count", labels, static_cast<double>(so_far));
}

void merge_metrics(std::vector<MetricFamily>& into, std::vector<MetricFamily> from) {
    for (MetricFamily& family : from) {
        const auto same = std::find_if(into.begin(), into.end(), [&](const MetricFamily& other) {
            return other.name == family.name;
        });
        if (same == into.end())
            into.push_back(std::move(family));
        else if (same->type == family.type)
            std::move(family.samples.begin(), family.samples.end(),
                      std::back_inserter(same->samples));
    }
}

std::string_view content_type_of(MetricsFormat format) {
    return format == MetricsFormat::openmetrics
               ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
               : "text/plain; version=0.0.4; charset=utf-8";
}

std::string render_metrics(const std::vector<MetricFamily>& families, MetricsFormat format) {
    const bool open = format == MetricsFormat::openmetrics;
    std::string out;
    for (const MetricFamily& family : families) {
        // A heading without samples says nothing, and promtool takes it for none.
        if (!is_name(family.name) || !is_name(family.type) || family.samples.empty())
            continue;
        const Heading heading = heading_of(family, format);
        out += "# HELP " + heading.name + ' ';
        append_escaped(out, family.help, open);
        out += "\n# TYPE " + heading.name + ' ' + heading.type + '\n';
        if (open && is_name(family.unit))
            out += "# UNIT " + heading.name + ' ' + family.unit + '\n';
        for (const MetricSample& sample : family.samples)
            append_sample(out, sample);
    }
    if (open)
        out += "# EOF\n";
    return out;
}

} // namespace svc::wire
