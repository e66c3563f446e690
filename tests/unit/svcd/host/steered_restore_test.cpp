// Listeners of which each revision has its own socket, across the death of a supervisor: only the kernel
// knows in which order it has them.
#include "succession.h"

using namespace svc;
using namespace svc::daemon;
using namespace svc::daemon::test;
using svc::rollout::RevisionNumber;

namespace {

struct Preview : Succession {
    Spec spec = spec_of({listener_of("preview", "127.0.0.1:0", ListenerScope::revision)});

    void open(RevisionNumber revision) { REQUIRE(now->listeners.open(spec, revision)); }
    /// As a worker of it that is started now has it.
    int use(RevisionNumber revision) { return now->fd(spec, 0, revision); }
    void keep(const std::vector<RevisionNumber>& revisions) {
        std::vector<ListenerTable::InUse> in_use;
        for (const auto revision : revisions)
            in_use.emplace_back(&spec, revision);
        now->listeners.keep_only(in_use);
    }
    /// True if 20 of 20 connections come out of this socket.
    [[nodiscard]] bool all_go_to(int fd) const {
        const Address address = this->address(spec);
        for (int count = 0; count < 20; ++count) {
            const UniqueFd client = svc::test::connect_to(address);
            if (!client || !svc::test::accept_from(fd))
                return false;
        }
        return true;
    }
    /// Of one that was never used.
    [[nodiscard]] int stored(RevisionNumber revision) {
        for (const auto& record : now->listeners.records())
            if (record.revision == revision)
                return keeper.held().at(record.sockets.at(0)).get();
        return -1;
    }
    void refused(const Records& records, const std::string& why) {
        const auto restored = restore(records);
        REQUIRE_FALSE(restored.ok());
        INFO(restored.error().message);
        CHECK(restored.error().message.find("preview") != std::string::npos);
        CHECK(restored.error().message.find(why) != std::string::npos);
        CHECK(now->listeners.records().empty());
    }
};

} // namespace

TEST_CASE_FIXTURE(Preview, "a group is steered on in the kernel's order") {
    for (const RevisionNumber revision : {6, 7, 8}) {
        open(revision);
        use(revision);
    }
    keep({7, 8}); // the kernel has 8 in the place of 6 now
    REQUIRE(all_go_to(use(8)));
    succeed();
    CHECK(all_go_to(stored(8)));
    open(9);
    CHECK(all_go_to(stored(8))); // 9 has no worker yet
    CHECK(all_go_to(use(9)));
    keep({7, 9});
    CHECK(all_go_to(stored(9)));
    keep({7});
    CHECK(all_go_to(stored(7)));
}

TEST_CASE_FIXTURE(Preview, "who was used, and who was given up, is not forgotten") {
    open(6);
    use(6);
    open(7);
    SUBCASE("7 has no worker yet") {}
    SUBCASE("7 is given up") {
        use(7);
        now->listeners.pass_over(spec, 7);
    }
    REQUIRE(all_go_to(stored(6)));
    succeed();
    CHECK(all_go_to(stored(6)));
    CHECK(all_go_to(use(7)));
}

TEST_CASE_FIXTURE(Preview, "what the kernel did after the last record is found out") {
    for (const RevisionNumber revision : {6, 7, 8}) {
        open(revision);
        use(revision);
    }
    const auto text = written();
    SUBCASE("a worker shut one down") {
        ::shutdown(use(6), SHUT_RDWR);
    }
    SUBCASE("one was closed") {
        keep({7, 8});
    }
    SUBCASE("one was opened") {
        open(9);
    }
    SUBCASE("one was opened, then one closed") {
        open(9);
        keep({7, 8, 9});
    }
    SUBCASE("one was closed, then one opened") {
        keep({7, 8});
        open(9);
    }
    SUBCASE("two were closed") {
        keep({8});
    }
    die();
    REQUIRE(restore(parsed(text)));
    CHECK(all_go_to(stored(8)));
    keep({7, 8});
    CHECK(all_go_to(stored(8)));
    open(10);
    CHECK(all_go_to(use(10)));
    keep({7});
    CHECK(all_go_to(stored(7)));
    now->store.settle();
    CHECK(keeper.names().size() == 1);
}

TEST_CASE_FIXTURE(Preview, "a repair that moves a socket in its group is news for the record") {
    for (const RevisionNumber revision : {6, 7, 8}) {
        open(revision);
        use(revision);
    }
    ::shutdown(use(6), SHUT_RDWR);
    (void)now->listeners.records();
    REQUIRE_FALSE(now->listeners.changed());
    now->listeners.inspect_all(); // 6 is the last one now
    CHECK(now->listeners.changed());
    succeed();
    CHECK(all_go_to(stored(8)));
    keep({7, 8});
    CHECK(all_go_to(stored(8)));
}

TEST_CASE_FIXTURE(Preview, "a group that cannot be right is refused") {
    open(6);
    open(7);
    auto other = spec_of({listener_of("other", "127.0.0.1:0", ListenerScope::revision)});
    REQUIRE(now->listeners.open(other, 7));
    auto records = parsed(written());
    REQUIRE(records.size() == 3);
    auto& seven = records[2];
    REQUIRE(seven.revision == 7);
    die();
    SUBCASE("two at one place") {
        seven.place = 0;
        refused(records, "at its place");
    }
    SUBCASE("a place that nobody has") {
        seven.place = 2;
        refused(records, "a place in its group is missing");
    }
    SUBCASE("another listener's socket") {
        REQUIRE(records[0].name == "other");
        std::swap(records[0].sockets, seven.sockets);
        refused(records, "bound to another address");
    }
    SUBCASE("two sockets") {
        seven.sockets.push_back(seven.sockets[0]);
        refused(records, "2 sockets");
    }
}
