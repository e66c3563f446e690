// What the front's tests share: a directory of their own and a loop with a deadline.
#pragma once

#include <boost/asio/io_context.hpp>
#include <doctest/doctest.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace svc::test {

class TemporaryDirectory {
public:
    TemporaryDirectory() {
        std::string pattern =
            (std::filesystem::temp_directory_path() / "svc-front-XXXXXX").string();
        REQUIRE(::mkdtemp(pattern.data()) != nullptr);
        path_ = pattern;
    }
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
    ~TemporaryDirectory() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    [[nodiscard]] std::string operator/(const std::string& name) const {
        return path_ + "/" + name;
    }
    [[nodiscard]] const std::string& path() const { return path_; }
    std::string write(const std::string& name, const std::string& text, bool executable = false) {
        const std::string file = *this / name;
        std::filesystem::create_directories(std::filesystem::path(file).parent_path());
        std::ofstream(file) << text;
        if (executable)
            std::filesystem::permissions(file, std::filesystem::perms(0755));
        return file;
    }

private:
    std::string path_;
};

/// Runs the loop until `done` says so; the test fails if that takes more than ten seconds.
template <class Done>
void run_until(boost::asio::io_context& io, Done done) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!done()) {
        REQUIRE_MESSAGE(std::chrono::steady_clock::now() < deadline, "nothing happened for 10 s");
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
