// What svc try says can be done where an address is taken.
#include "svc/verbs/trial_plan.h"

#include <doctest/doctest.h>

using namespace svc;
using namespace svc::cli;

namespace {

std::string remedy_for(const std::string& file, std::vector<rollout::ListenerSpec> listeners) {
    auto directory = TrialDirectory::make();
    REQUIRE(directory.ok());
    TrialPlan plan{.directory = std::move(*directory)};
    plan.file = file;
    plan.listeners = std::move(listeners);
    return plan.remedy("listener http: cannot bind");
}

rollout::ListenerSpec listener(const std::string& name, const std::string& address) {
    return {.name = name, .address = *parse_address(address)};
}

} // namespace

TEST_CASE("the remedy for a taken address can be typed as it stands, whatever the file is called") {
    CHECK(remedy_for("web.toml", {listener("http", "0.0.0.0:80")})
              .ends_with(": svc try --listen 0.0.0.0:0 web.toml\n"));
    CHECK(remedy_for("my service's.toml",
                     {listener("http", "[::]:80"), listener("admin", "unix:/run/admin")})
              .ends_with(R"(: svc try --listen 'http=[::]:0' 'my service'\''s.toml')"
                         "\n"));
    CHECK(remedy_for("web.toml", {listener("admin", "80")}).empty());
}
