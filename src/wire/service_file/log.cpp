// [log]
#include "wire/service_file/sections.h"

#include <array>

namespace svc::wire::service_file {

namespace {

using rollout::LogOutput;

constexpr std::array outputs{
    Choice<LogOutput>{"automatic", LogOutput::automatic},
    Choice<LogOutput>{"journal", LogOutput::journal},
    Choice<LogOutput>{"inherit", LogOutput::inherit},
    Choice<LogOutput>{"capture", LogOutput::capture},
    Choice<LogOutput>{"prefix", LogOutput::prefix},
    Choice<LogOutput>{"file", LogOutput::file},
};

} // namespace

void read_log(Table& log, rollout::LogSpec& spec) {
    log.read_choice<LogOutput>("output", spec.output, outputs);
    log.read_string("file", spec.file, "\"/var/log/web/worker.log\"");
    if (const toml::node* node = log.find("mode")) {
        if (const auto text = plain_string(log, "mode", *node, "\"0640\"")) {
            if (const auto bits = parse_octal(*text, 0777))
                spec.mode = *bits;
            else
                log.refuse("mode", quoted(*text) + " is not an octal mode from \"0000\" to "
                                                   "\"0777\"; write mode = \"0640\"");
        }
    }
    if (log.has("mode") && !log.has("file"))
        log.refuse_beside("mode", "there is no file that would have it; write file = "
                                  "\"/var/log/web/worker.log\" or leave it out");
    log.finish();
}

void find_impossible_log(const rollout::Spec& spec, std::vector<Finding>& findings) {
    const rollout::LogSpec& log = spec.log;
    const auto add = [&](std::string key, std::string message, std::vector<std::string> also) {
        findings.push_back({std::move(key), std::move(also), std::move(message)});
    };
    if (log.output == LogOutput::file && log.file.empty())
        add("log.output", "which file? write file = \"/var/log/web/worker.log\" below it",
            {"log.file"});
    else if (log.output != LogOutput::file && !log.file.empty())
        add("log.file", "nothing is written to a file; write output = \"file\" or leave it out",
            {"log.output"});
    else if (!log.file.empty() && !log.file.starts_with('/'))
        add("log.file",
            quoted(log.file) + " is not an absolute path; write \"/var/log/web/worker.log\"", {});
    if (spec.process.error_output == rollout::ErrorOutput::inherit &&
        log.output != LogOutput::automatic && log.output != LogOutput::inherit)
        add("log.output",
            "[service] says stderr = \"inherit\", and this says another place; leave stderr out",
            {"service.stderr"});
}

} // namespace svc::wire::service_file
