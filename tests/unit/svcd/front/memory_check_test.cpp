#include "admission_scene.h"

using namespace svc;
using namespace svc::daemon;
using namespace svc::daemon::test;
using rollout::CauseKind;

TEST_CASE(
    "a surge that needs more memory than there is warns, or is refused, or is not looked at") {
    Scene scene;
    auto& world = scene.world;
    world.known.current = 6;
    for (rollout::WorkerId id = 1; id <= 4; ++id)
        world.known.workers[id].phase = rollout::WorkerPhase::available;
    world.file.spec.rollout.replicas = 4;
    world.file.spec.rollout.max_surge = {2, false};
    world.memory_now = {4ull << 30, 3ull << 30};
    CHECK(scene.answered(CauseKind::reload).kind == Admission::Kind::revision);
    CHECK(world.warnings.empty());
    world.memory_now.available = 1ull << 30;
    const std::string number = std::to_string(world.known.next_revision);
    CHECK(scene.answered(CauseKind::reload).kind == Admission::Kind::revision);
    CHECK(world.warnings ==
          std::vector<std::string>{
              number + ": there may be too little memory: up to 2 workers more than now may need "
                       "2 GiB (1 GiB each, as those that run), and 1 GiB is available"});
    world.file.spec.rollout.memory_check = rollout::MemoryCheck::refuse;
    const auto refused = scene.answered(CauseKind::reload);
    CHECK(refused.kind == Admission::Kind::refused);
    CHECK(refused.message.find("1 GiB is available; nothing was changed") != std::string::npos);
    world.memory_now.available.reset(); // nobody can tell
    CHECK(scene.answered(CauseKind::reload).kind == Admission::Kind::revision);
    world.memory_now.available = 0;
    world.file.spec.rollout.memory_check = rollout::MemoryCheck::off;
    CHECK(scene.answered(CauseKind::reload).kind == Admission::Kind::revision);
    CHECK(world.warnings.size() == 1);
}
