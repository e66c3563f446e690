// A worker that says what it was given: one "key=value" a line on stdout, then "end". With the
// argument "hold" it then waits to be killed; with "orphan" it leaves a child that does, and exits.
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <string>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

namespace {

constexpr int fds_looked_at = 20000; // by number: opening /proc/self/fd would need one more

void print_file_lines(const char* path, const std::vector<std::string>& keys) {
    std::FILE* file = std::fopen(path, "re");
    if (file == nullptr)
        return;
    std::array<char, 4096> line{};
    while (std::fgets(line.data(), line.size(), file) != nullptr) {
        for (const std::string& key : keys) {
            if (std::strncmp(line.data(), key.c_str(), key.size()) == 0)
                std::printf("%s=%s", key.c_str(), line.data() + key.size() + 2);
        }
    }
    std::fclose(file);
}

void print_oom_score() {
    std::FILE* file = std::fopen("/proc/self/oom_score_adj", "re");
    if (file == nullptr)
        return;
    int score = 0;
    if (std::fscanf(file, "%d", &score) == 1)
        std::printf("oom_score_adj=%d\n", score);
    std::fclose(file);
}

void print_credentials() {
    uid_t real_user = 0;
    uid_t user = 0;
    uid_t saved_user = 0;
    gid_t real_group = 0;
    gid_t group = 0;
    gid_t saved_group = 0;
    if (::getresuid(&real_user, &user, &saved_user) != 0 ||
        ::getresgid(&real_group, &group, &saved_group) != 0)
        std::abort();
    std::printf("uid=%u %u %u\ngid=%u %u %u\n", real_user, user, saved_user, real_group, group,
                saved_group);
    std::vector<gid_t> groups(65536);
    groups.resize(
        static_cast<std::size_t>(::getgroups(static_cast<int>(groups.size()), groups.data())));
    std::sort(groups.begin(), groups.end());
    std::printf("groups=");
    for (const gid_t one : groups)
        std::printf("%u ", one);
    std::printf("\n");
}

void print_fds() {
    std::string numbers;
    for (int fd = 0; fd < fds_looked_at; ++fd) {
        struct stat status {};
        if (::fstat(fd, &status) != 0)
            continue;
        numbers += std::to_string(fd) + " ";
        std::printf("inode.%d=%lu\n", fd, status.st_ino);
    }
    std::printf("fds=%s\n", numbers.c_str());
    struct stat null {};
    struct stat standard_input {};
    if (::stat("/dev/null", &null) == 0 && ::fstat(0, &standard_input) == 0)
        std::printf("stdin_is_null=%d\n", null.st_rdev == standard_input.st_rdev);
}

} // namespace

int main(int argument_count, char** arguments) {
    std::printf("pid=%d\npgid=%d\nsid=%d\n", ::getpid(), ::getpgrp(), ::getsid(0));
    print_credentials();
    const mode_t mask = ::umask(0);
    std::printf("umask=%04o\n", mask);
    std::array<char, 4096> directory{};
    if (::getcwd(directory.data(), directory.size()) != nullptr)
        std::printf("directory=%s\n", directory.data());
    std::printf("nice=%d\n", ::getpriority(PRIO_PROCESS, 0));
    for (const int resource : {RLIMIT_NOFILE, RLIMIT_CORE, RLIMIT_AS, RLIMIT_STACK}) {
        rlimit limit{};
        ::getrlimit(static_cast<__rlimit_resource>(resource), &limit);
        std::printf("limit.%d=%lu:%lu\n", resource, limit.rlim_cur, limit.rlim_max);
    }
    print_file_lines("/proc/self/status", {"SigBlk", "SigIgn", "NoNewPrivs", "CapAmb", "CapEff"});
    print_oom_score();
    for (int index = 0; index < argument_count; ++index)
        std::printf("argument.%d=%s\n", index, arguments[index]);
    int variables = 0;
    for (char** entry = environ; *entry != nullptr; ++entry, ++variables)
        std::printf("env.%s\n", *entry);
    std::printf("env_count=%d\n", variables);
    print_fds();

    const std::string mode = argument_count > 1 ? arguments[1] : "";
    if (mode == "orphan") {
        std::fflush(stdout);
        if (::fork() != 0)
            return 0;
        std::printf("orphan=%d\n", ::getpid());
    }
    std::printf("end\n");
    std::fflush(stdout);
    while (mode == "hold" || mode == "orphan")
        ::pause();
    return 0;
}
