#include "loadgen/report.h"

#include <cinttypes>
#include <cstdarg>
#include <cstdio>

namespace svc::loadgen {

namespace {

/// printf into a string: the report is numbers and names that we made or checked ourselves.
[[gnu::format(printf, 2, 3)]] void append(std::string& text, const char* format, ...) {
    char buffer[512];
    va_list arguments;
    va_start(arguments, format);
    const int length = std::vsnprintf(buffer, sizeof buffer, format, arguments);
    va_end(arguments);
    text.append(buffer, std::min(static_cast<std::size_t>(length), sizeof buffer - 1));
}

double seconds(Duration value) {
    return static_cast<double>(value.count()) / 1e6;
}
double milliseconds(Duration value) {
    return static_cast<double>(value.count()) / 1e3;
}

const Tally& fresh(const Statistics::Pair& pair) {
    return pair[0];
}
const Tally& persistent(const Statistics::Pair& pair) {
    return pair[1];
}

/// Ends a list in JSON: the last comma goes, `bracket` comes.
void close(std::string& text, char bracket) {
    if (text.ends_with(','))
        text.pop_back();
    text += bracket;
}

void append_latency(std::string& text, const char* name, const Histogram& latency) {
    append(text,
           "\"%s\":{\"count\":%" PRIu64 ",\"p50_us\":%" PRId64 ",\"p99_us\":%" PRId64
           ",\"p999_us\":%" PRId64 ",\"max_us\":%" PRId64 "},",
           name, latency.count(), latency.quantile(0.5).count(), latency.quantile(0.99).count(),
           latency.quantile(0.999).count(), latency.max().count());
}

void append_latencies(std::string& text, const char* name, const Statistics::Pair& pair) {
    append(text, "\"%s\":{", name);
    append_latency(text, "new", fresh(pair).latency);
    append_latency(text, "keep_alive", persistent(pair).latency);
    Histogram both = fresh(pair).latency;
    both.merge(persistent(pair).latency);
    append_latency(text, "both", both);
    close(text, '}');
    text += ',';
}

void append_tally(std::string& text, const char* name, const Tally& tally) {
    append(text,
           "\"%s\":{\"requests\":%" PRIu64 ",\"succeeded\":%" PRIu64 ",\"failed\":%" PRIu64
           ",\"failures\":{",
           name, tally.total(), tally.succeeded, tally.lost());
    for (std::size_t i = 0; i < failures; ++i)
        append(text, "\"%s\":%" PRIu64 ",", name_of(static_cast<Failure>(i)), tally.failed[i]);
    close(text, '}');
    text += "},";
}

void append_windows(std::string& text, const Generator& generator) {
    text += "\"windows\":[";
    for (const Window& window : generator.statistics().windows()) {
        append(text,
               "{\"name\":\"%s\",\"begin_s\":%.3f,\"length_ms\":%.3f,\"requests\":%" PRIu64
               ",\"failed\":%" PRIu64 ",\"max_us\":%" PRId64 "},",
               window.name.c_str(), seconds(window.begin - generator.started()),
               milliseconds(window.end.value_or(window.begin) - window.begin), window.requests,
               window.lost, window.slowest.count());
    }
    close(text, ']');
    text += ',';
}

void append_samples(std::string& text, const Generator& generator) {
    text += "\"samples\":[";
    for (const Statistics::Sample& sample : generator.statistics().samples()) {
        append(text, "\"+%.3fs ", seconds(sample.at - generator.started()));
        for (const char c : sample.text) { // printable(): no control character but tab is left
            if (c == '"' || c == '\\')
                text += '\\';
            text += c == '\t' ? ' ' : c;
        }
        text += "\",";
    }
    close(text, ']');
}

void append_row(std::string& text, const char* name, const Histogram& latency) {
    append(text, "%-26s %9" PRIu64 " %9.1f %9.1f %9.1f %9.1f\n", name, latency.count(),
           milliseconds(latency.quantile(0.5)), milliseconds(latency.quantile(0.99)),
           milliseconds(latency.quantile(0.999)), milliseconds(latency.max()));
}

} // namespace

std::string report_json(const Options& options, const Generator& generator) {
    const Statistics& statistics = generator.statistics();
    const Statistics::Pair all = statistics.all();
    std::string text;
    append(text,
           "{\"seconds\":%.3f,\"complete\":%s,\"rate\":%g,\"keep_alive_clients\":%u,"
           "\"keep_alive_rate\":%g,",
           seconds(generator.ended() - generator.started()),
           generator.complete() ? "true" : "false", options.rate, options.keep_alive_clients,
           options.keep_alive_rate);
    append_tally(text, "new", fresh(all));
    append_tally(text, "keep_alive", persistent(all));
    append(text, "\"keep_alive_connections\":%" PRIu64 ",\"idle_closed\":%" PRIu64 ",",
           generator.keep_alive_connections(), generator.idle_closed());
    text += "\"latency\":{";
    append_latencies(text, "all", all);
    append_latencies(text, "outside", statistics.outside().tallies);
    text += "\"inside\":{";
    for (std::size_t i = 1; i < statistics.groups().size(); ++i)
        append_latencies(text, statistics.groups()[i].name.c_str(), statistics.groups()[i].tallies);
    close(text, '}');
    text += "},";
    append_latency(text, "lag", generator.lag());
    append_windows(text, generator);
    append_samples(text, generator);
    text += "}\n";
    return text;
}

std::string report_table(const Generator& generator) {
    const Statistics& statistics = generator.statistics();
    const Statistics::Pair all = statistics.all();
    std::string text;
    append(text, "%-26s %15s %15s\n", "", "new connections", "keep-alive");
    append(text, "%-26s %15" PRIu64 " %15" PRIu64 "\n", "requests", fresh(all).total(),
           persistent(all).total());
    for (std::size_t i = 0; i < failures; ++i)
        append(text, "  %-24s %15" PRIu64 " %15" PRIu64 "\n", name_of(static_cast<Failure>(i)),
               fresh(all).failed[i], persistent(all).failed[i]);
    append(text, "\n%-26s %9s %9s %9s %9s %9s\n", "latency in ms", "answers", "p50", "p99", "p99.9",
           "max");
    for (const Statistics::Group& group : statistics.groups()) {
        append_row(text, (group.name + ", new").c_str(), fresh(group.tallies).latency);
        append_row(text, (group.name + ", keep-alive").c_str(), persistent(group.tallies).latency);
    }
    append_row(text, "our own lag", generator.lag());
    if (!generator.complete())
        text += "The hard limit ended this run.\n";
    for (const Statistics::Sample& sample : statistics.samples())
        append(text, "+%.3fs %s\n", seconds(sample.at - generator.started()), sample.text.c_str());
    return text;
}

} // namespace svc::loadgen
