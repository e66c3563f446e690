#include "wire/metrics.h"

#include <doctest/doctest.h>

#include <array>

using namespace svc;
using namespace svc::wire;
using namespace std::chrono_literals;

namespace {

constexpr std::array<Duration, 3> bounds{100ms, 1s, 2500ms};

std::string both(const MetricFamily& family, MetricsFormat format) {
    return render_metrics({family}, format);
}

} // namespace

TEST_CASE("a counter has its type at the name that each format wants it at") {
    auto family = make_family("counter", "svc_rollouts", "", "Rollouts that ended.");
    add_sample(family, {{"result", "complete"}}, 3);
    CHECK(both(family, MetricsFormat::prometheus) ==
          "# HELP svc_rollouts_total Rollouts that ended.\n"
          "# TYPE svc_rollouts_total counter\n"
          "svc_rollouts_total{result=\"complete\"} 3\n");
    CHECK(both(family, MetricsFormat::openmetrics) == "# HELP svc_rollouts Rollouts that ended.\n"
                                                      "# TYPE svc_rollouts counter\n"
                                                      "svc_rollouts_total{result=\"complete\"} 3\n"
                                                      "# EOF\n");
}

TEST_CASE("an info is a gauge in Prometheus's text, and a unit is told in OpenMetrics only") {
    auto info = make_family("info", "svc_supervisor", "", "The supervisor.");
    add_sample(info, {{"version", "0.1"}}, 1);
    CHECK(both(info, MetricsFormat::prometheus) == "# HELP svc_supervisor_info The supervisor.\n"
                                                   "# TYPE svc_supervisor_info gauge\n"
                                                   "svc_supervisor_info{version=\"0.1\"} 1\n");
    CHECK(both(info, MetricsFormat::openmetrics) == "# HELP svc_supervisor The supervisor.\n"
                                                    "# TYPE svc_supervisor info\n"
                                                    "svc_supervisor_info{version=\"0.1\"} 1\n"
                                                    "# EOF\n");
    auto bytes = make_family("gauge", "svc_memory_bytes", "bytes", "Memory.");
    add_sample(bytes, {}, 0.5);
    CHECK(both(bytes, MetricsFormat::openmetrics) == "# HELP svc_memory_bytes Memory.\n"
                                                     "# TYPE svc_memory_bytes gauge\n"
                                                     "# UNIT svc_memory_bytes bytes\n"
                                                     "svc_memory_bytes 0.5\n"
                                                     "# EOF\n");
}

TEST_CASE("a histogram counts up to its bounds, and its sum is in seconds") {
    DurationTotals totals;
    totals.add(100ms, bounds); // a bound belongs to its bucket
    totals.add(101ms, bounds);
    totals.add(1h, bounds);
    totals.add(-1s, bounds); // of a clock that is none
    auto family = make_family("histogram", "svc_seconds", "seconds", "Time.");
    add_histogram(family, {{"service", "web"}}, totals, bounds);
    CHECK(both(family, MetricsFormat::prometheus) ==
          "# HELP svc_seconds Time.\n"
          "# TYPE svc_seconds histogram\n"
          "svc_seconds_bucket{le=\"0.1\",service=\"web\"} 2\n"
          "svc_seconds_bucket{le=\"1.0\",service=\"web\"} 3\n"
          "svc_seconds_bucket{le=\"2.5\",service=\"web\"} 3\n"
          "svc_seconds_bucket{le=\"+Inf\",service=\"web\"} 4\n"
          "svc_seconds_sum{service=\"web\"} 3600.201\n"
          "svc_seconds_count{service=\"web\"} 4\n");
}

TEST_CASE("one that nothing was counted in, or that had other bounds, is all zeros") {
    auto empty = make_family("histogram", "svc_seconds", "seconds", "Time.");
    add_histogram(empty, {}, {}, bounds);
    auto other = make_family("histogram", "svc_seconds", "seconds", "Time.");
    add_histogram(other, {}, {{1, 2}, 5}, bounds);
    CHECK(empty == other);
    CHECK(empty.samples.size() == bounds.size() + 3);
    for (const auto& sample : empty.samples)
        CHECK(sample.value == 0);
    // The next one that is counted begins anew.
    DurationTotals totals{{1, 2}, 5};
    totals.add(1s, bounds);
    CHECK(totals == DurationTotals{{0, 1, 0, 0}, 1'000'000});
}

TEST_CASE("what a label or a help has in it cannot end its line or its quotes") {
    auto family = make_family("gauge", "svc_up", "", "A \"help\" \\ of\ntwo lines.");
    add_sample(family, {{"service", "a\"b\\c\nd"}}, 1);
    CHECK(both(family, MetricsFormat::prometheus) ==
          "# HELP svc_up A \"help\" \\\\ of\\ntwo lines.\n"
          "# TYPE svc_up gauge\n"
          "svc_up{service=\"a\\\"b\\\\c\\nd\"} 1\n");
    CHECK(both(family, MetricsFormat::openmetrics)
              .starts_with("# HELP svc_up A \\\"help\\\" \\\\ of\\ntwo lines.\n"));
}

TEST_CASE("names that are none are left out, wherever they stand") {
    std::vector<MetricFamily> families(3);
    families[0] = make_family("gauge", "svc up", "", "");
    add_sample(families[0], {}, 1);
    families[1] = make_family("gauge\n", "svc_up", "", "");
    add_sample(families[1], {}, 1);
    families[2] = make_family("gauge", "svc_up", "", "Up.");
    add_sample(families[2], {{"a-b", "x"}}, 1);
    add_sample(families[2], {{"9", "x"}}, 1);
    families[2].samples.push_back({"svc_up 7\nsvc_down", {}, 1});
    add_sample(families[2], {}, 1);
    CHECK(render_metrics(families, MetricsFormat::prometheus) ==
          "# HELP svc_up Up.\n# TYPE svc_up gauge\nsvc_up 1\n");
}

TEST_CASE("a family without a sample is not told of") {
    CHECK(both(make_family("gauge", "svc_up", "", "Up."), MetricsFormat::prometheus).empty());
    CHECK(both(make_family("gauge", "svc_up", "", "Up."), MetricsFormat::openmetrics) == "# EOF\n");
}

TEST_CASE("large counts are written in full") {
    auto family = make_family("counter", "svc_n", "", "N.");
    add_sample(family, {}, 1234567890123);
    CHECK(both(family, MetricsFormat::prometheus).ends_with("svc_n_total 1234567890123\n"));
}

TEST_CASE("a small bound has no exponent") {
    constexpr std::array<Duration, 2> small{100us, 1ms};
    auto family = make_family("histogram", "svc_seconds", "seconds", "Time.");
    add_histogram(family, {}, {}, small);
    CHECK(family.samples[0].labels.at("le") == "0.0001");
    CHECK(family.samples[1].labels.at("le") == "0.001");
}

TEST_CASE("of several sources each family is there once, and one of another type not at all") {
    const auto of = [](const char* type, const char* name, const char* service) {
        auto family = make_family(type, name, "", "Help.");
        add_sample(family, {{"service", service}}, 1);
        return family;
    };
    std::vector<MetricFamily> all;
    merge_metrics(all, {of("gauge", "svc_up", "a"), of("gauge", "svc_frozen", "a")});
    merge_metrics(all, {of("gauge", "svc_up", "b"), of("counter", "svc_frozen", "b"),
                        of("gauge", "svc_new", "b")});
    REQUIRE(all.size() == 3);
    CHECK(all[0].samples.size() == 2);
    CHECK(all[1].samples.size() == 1);
    CHECK(all[2].name == "svc_new");
}
