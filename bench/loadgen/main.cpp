// loadgen: an open-loop load generator for HTTP/1.1.
#include "loadgen/generator.h"
#include "loadgen/options.h"
#include "loadgen/report.h"

#include <cstdio>

int main(int count, char** arguments) {
    const auto parsed = svc::loadgen::parse_options(count, arguments);
    if (!parsed.options)
        return parsed.exit_status;
    svc::loadgen::Generator generator(*parsed.options);
    if (const auto ran = generator.run(); !ran) {
        std::fprintf(stderr, "loadgen: %s\n", ran.error().message.c_str());
        return 1;
    }
    const std::string report = parsed.options->table
                                   ? svc::loadgen::report_table(generator)
                                   : svc::loadgen::report_json(*parsed.options, generator);
    std::fputs(report.c_str(), stdout);
    return 0;
}
