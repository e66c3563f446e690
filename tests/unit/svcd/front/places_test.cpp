#include "svcd/front/places.h"

#include "support.h"

#include <algorithm>
#include <fcntl.h>
#include <map>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace svc;
using namespace svc::daemon;
using svc::test::TemporaryDirectory;

namespace {
Variable variables(std::map<std::string, std::string> all) {
    return [all = std::move(all)](const char* name) -> const char* {
        const auto found = all.find(name);
        return found == all.end() ? nullptr : found->second.c_str();
    };
}
} // namespace

TEST_CASE("root and users have directories of their own") {
    auto root = find_directories("web", "", "", 0, variables({}));
    REQUIRE(root.ok());
    CHECK(root->runtime == "/run/svc/web");
    CHECK(root->state == "/var/lib/svc/web");
    auto user = find_directories(
        "web", "", "", 1000, variables({{"XDG_RUNTIME_DIR", "/run/user/1000"}, {"HOME", "/h"}}));
    REQUIRE(user.ok());
    CHECK(user->runtime == "/run/user/1000/svc/web");
    CHECK(user->state == "/h/.local/state/svc/web");
}

TEST_CASE("systemd's directories win over these, and options over systemd's") {
    const auto systemd = variables(
        {{"RUNTIME_DIRECTORY", "/run/other:/run/svc/web"}, {"STATE_DIRECTORY", "/var/lib/svc"}});
    auto found = find_directories("web", "", "", 0, systemd);
    REQUIRE(found.ok());
    CHECK(found->runtime == "/run/svc/web");
    CHECK(found->state == "/var/lib/svc/web");
    found = find_directories("web", "/tmp/r", "/tmp/s", 0, systemd);
    REQUIRE(found.ok());
    CHECK(found->runtime == "/tmp/r/web");
    CHECK(found->state == "/tmp/s/web");
}

TEST_CASE("a user without a runtime directory is told what to give") {
    const auto found = find_directories("web", "", "", 1000, variables({{"HOME", "/h"}}));
    REQUIRE_FALSE(found.ok());
    CHECK(found.error().message.find("--runtime-dir") != std::string::npos);
}

TEST_CASE("a runtime directory too long for a socket's path is refused") {
    const auto found = find_directories("web", "/" + std::string(100, 'x'), "/s", 0, variables({}));
    REQUIRE_FALSE(found.ok());
    CHECK(found.error().message.find("too long") != std::string::npos);
}

TEST_CASE("the directories are made, and one that cannot be is named with the remedy") {
    TemporaryDirectory dir;
    REQUIRE(make_places({dir / "run/web", dir / "state/web"}).ok());
    struct stat status {};
    REQUIRE(::stat((dir / "run/web").c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0755);
    REQUIRE(::stat((dir / "state/web").c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0700);
    dir.write("file", "");
    const auto failed = make_places({dir / "file/web", dir / "state/web"});
    REQUIRE_FALSE(failed.ok());
    CHECK(failed.error().message.find(dir / "file") != std::string::npos);
    CHECK(failed.error().message.find("--runtime-dir") != std::string::npos);
}

TEST_CASE("a second supervisor is refused with the first one's pid, until that is gone") {
    TemporaryDirectory dir;
    {
        auto first = lock_service("web", dir.path());
        REQUIRE(first.ok());
        const auto second = lock_service("web", dir.path());
        REQUIRE_FALSE(second.ok());
        CHECK(second.error().message.find("pid " + std::to_string(::getpid())) !=
              std::string::npos);
    }
    CHECK(lock_service("web", dir.path()).ok());
}

TEST_CASE("the lock is for the supervisor's user only, also one that was for all") {
    TemporaryDirectory dir;
    struct stat status {};
    dir.write("lock", "");
    REQUIRE(::chmod((dir / "lock").c_str(), 0644) == 0);
    REQUIRE(lock_service("web", dir.path()).ok());
    REQUIRE(::stat((dir / "lock").c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0600);
}

TEST_CASE("a pid in a held lock is named only if that process lives") {
    TemporaryDirectory dir;
    const UniqueFd held(::open(dir.write("lock", "999999999\n").c_str(), O_RDWR | O_CLOEXEC));
    REQUIRE(::flock(held.get(), LOCK_EX | LOCK_NB) == 0);
    const auto refused = lock_service("web", dir.path());
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().message.find("already has a supervisor (it holds ") != std::string::npos);
}

TEST_CASE("SVC_LAUNCH names the launcher, SVC_KEEPER the keeper") {
    CHECK(find_launcher(variables({{"SVC_LAUNCH", "/x/svc-launch"}})) == "/x/svc-launch");
    CHECK_FALSE(find_launcher(variables({})).empty());
    CHECK(find_keeper(variables({{"SVC_KEEPER", "/x/keeper"}})) == "/x/keeper");
    CHECK(find_keeper(variables({})).ends_with("/svc-keeper"));
}

TEST_CASE("workers get the soft limit of files that was found, or the one that a unit says") {
    rlimit before{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
    const rlimit low{std::min<rlim_t>(512, before.rlim_max), before.rlim_max};
    for (const auto& [said, workers] :
         std::vector<std::pair<const char*, rlim_t>>{{nullptr, low.rlim_cur},
                                                     {"100", 100},
                                                     {"", low.rlim_cur},
                                                     {"many", low.rlim_cur},
                                                     {"18446744073709551615", before.rlim_max}}) {
        REQUIRE(::setrlimit(RLIMIT_NOFILE, &low) == 0);
        CHECK(raise_descriptor_limit(said) == workers);
        rlimit now{};
        REQUIRE(::getrlimit(RLIMIT_NOFILE, &now) == 0);
        CHECK(now.rlim_cur == before.rlim_max);
    }
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
}
