// What the front's tests share: a directory of their own and a loop with a deadline.
#pragma once

#include "../../patience.h"
#include "../../temporary_directory.h"

#include <boost/asio/io_context.hpp>
#include <doctest/doctest.h>

#include <chrono>

namespace svc::test {

/// Runs the loop until `done` says so; the test fails if patience is over first.
template <class Done>
void run_until(boost::asio::io_context& io, Done done) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (!done()) {
        REQUIRE_MESSAGE(std::chrono::steady_clock::now() < deadline, "nothing happened");
        io.restart();
        io.run_one_for(std::chrono::milliseconds(50));
    }
}

/// Runs everything that is ready now.
inline void settle(boost::asio::io_context& io) {
    io.restart();
    io.poll();
}

} // namespace svc::test
