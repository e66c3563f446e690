// FileJob: how much of an answer there is room for.
#include "svcd/host/children/file_job.h"

#include <boost/asio/io_context.hpp>
#include <doctest/doctest.h>

using namespace svc;
using namespace svc::daemon;

namespace {

/// The answer of a child that says so many letters.
Result<std::string> answer_of(std::size_t letters, std::size_t limit) {
    boost::asio::io_context io;
    Result<std::string> answer = Error{"none", 0};
    auto work = os::start_work(
        -1, -1, [letters] { return Result<std::string>(std::string(letters, 'x')); });
    FileJob job(
        io, std::move(work), [&](Result<std::string> told) { answer = std::move(told); }, limit);
    job.finish_now();
    return answer;
}

} // namespace

TEST_CASE("an answer is as long as whoever asks has room for") {
    const auto usual = answer_of(1000, FileJob::usual_limit);
    REQUIRE(usual);
    CHECK(usual->size() == 1000);
    const auto long_one = answer_of(300'000, 400'000);
    REQUIRE(long_one);
    CHECK(long_one->size() == 300'000);
    const auto too_long = answer_of(300'000, FileJob::usual_limit);
    CHECK((!too_long || too_long->size() < 100'000));
}
