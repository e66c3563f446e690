// Metrics as values, and as the text that Prometheus reads.
//
// A supervisor gives its families as values (method Metrics); `svc metrics` puts those of all services together and
// writes them, and so does the supervisor itself over HTTP. There are two formats, and no text is both: the type of
// a counter stands at the name with _total in Prometheus's own and without it in OpenMetrics, "info" is a type in
// one only, and a unit has a line in one only. promtool and node_exporter's textfile collector read the first one.
#pragma once

#include "wire/metric_totals.h"

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace svc::wire {

using MetricLabels = std::map<std::string, std::string>;

struct MetricSample {
    std::string name; ///< with its suffix: "svc_rollout_duration_seconds_bucket"
    MetricLabels labels;
    double value = 0; ///< finite
    bool operator==(const MetricSample&) const = default;
};

struct MetricFamily {
    std::string name; ///< without _total, _bucket, …
    std::string type; ///< "counter", "gauge", "histogram", "info"
    std::string unit; ///< the name ends with it; empty: none
    std::string help;
    std::vector<MetricSample> samples;
    bool operator==(const MetricFamily&) const = default;
};

struct MetricsReply {
    std::vector<MetricFamily> families;
    bool operator==(const MetricsReply&) const = default;
};

/// A family without samples, "svc_worker_restarts" for a counter.
MetricFamily make_family(std::string_view type, std::string_view name, std::string_view unit,
                         std::string_view help);
/// With the suffix that the family's type asks for.
void add_sample(MetricFamily& family, MetricLabels labels, double value);
void add_histogram(MetricFamily& family, const MetricLabels& labels, const DurationTotals& totals,
                   std::span<const Duration> bounds);

/// Those of another source, each family once: its samples go to those of the same name.
void merge_metrics(std::vector<MetricFamily>& into, std::vector<MetricFamily> from);

/// prometheus: what promtool and node_exporter's textfile collector read (text format 0.0.4).
/// openmetrics: OpenMetrics 1.0.
enum class MetricsFormat { prometheus, openmetrics };
std::string_view content_type_of(MetricsFormat format);
/// Names and label names that are none are left out with their sample or family: they come from a supervisor that may
/// be of another release.
std::string render_metrics(const std::vector<MetricFamily>& families, MetricsFormat format);

} // namespace svc::wire
