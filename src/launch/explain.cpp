#include "launch/explain.h"

#include "base/unique_fd.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <elf.h>
#include <fcntl.h>
#include <string_view>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

namespace svc::launch {

namespace {

constexpr std::size_t script_line_limit = 256;    // BINPRM_BUF_SIZE, execve(2)
constexpr std::size_t argument_limit = 32 * 4096; // MAX_ARG_STRLEN, execve(2)
constexpr std::string_view blanks = " \t";

/// The first `limit` bytes of a regular file from `offset` on; empty if it cannot be read.
std::string read_piece(const std::string& path, std::size_t limit, off_t offset = 0) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode))
        return {};
    const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    std::string bytes(limit, '\0');
    const ssize_t count = ::pread(file.get(), bytes.data(), bytes.size(), offset);
    bytes.resize(count < 0 ? 0 : static_cast<std::size_t>(count));
    return bytes;
}

/// What stands after "#!", up to a blank or the end of the line; empty if it is no script.
std::string script_interpreter(const std::string& path) {
    const std::string start = read_piece(path, script_line_limit);
    if (!start.starts_with("#!"))
        return {};
    std::string_view line = std::string_view(start).substr(2);
    line = line.substr(0, line.find('\n'));
    line.remove_prefix(std::min(line.size(), line.find_first_not_of(blanks)));
    return std::string(line.substr(0, line.find_first_of(blanks)));
}

/// The dynamic loader that an ELF file of this machine's word size names (PT_INTERP, elf(5)).
std::string elf_interpreter(const std::string& path) {
    constexpr std::size_t headers_limit = 64;
    const std::string start = read_piece(path, sizeof(Elf64_Ehdr));
    Elf64_Ehdr file{};
    if (start.size() < sizeof file || !start.starts_with(ELFMAG))
        return {};
    std::memcpy(&file, start.data(), sizeof file);
    if (file.e_ident[EI_CLASS] != ELFCLASS64 || file.e_phentsize != sizeof(Elf64_Phdr))
        return {};
    const std::size_t count = std::min<std::size_t>(file.e_phnum, headers_limit);
    const std::string headers =
        read_piece(path, count * sizeof(Elf64_Phdr), static_cast<off_t>(file.e_phoff));
    for (std::size_t at = 0; at + sizeof(Elf64_Phdr) <= headers.size(); at += sizeof(Elf64_Phdr)) {
        Elf64_Phdr header{};
        std::memcpy(&header, headers.data() + at, sizeof header);
        if (header.p_type != PT_INTERP)
            continue;
        const std::string name = read_piece(path, std::min<std::size_t>(header.p_filesz, PATH_MAX),
                                            static_cast<off_t>(header.p_offset));
        return name.substr(0, name.find('\0')); // the NUL is part of the segment
    }
    return {};
}

bool exists(const std::string& path) {
    struct stat status {};
    return ::stat(path.c_str(), &status) == 0;
}

std::string explain_absent(const std::string& path) {
    if (!exists(path)) {
        std::string target(PATH_MAX, '\0');
        const ssize_t length = ::readlink(path.c_str(), target.data(), target.size());
        if (length <= 0)
            return {};
        target.resize(static_cast<std::size_t>(length));
        return "it is a symbolic link to " + target + ", which leads nowhere";
    }
    std::string interpreter = script_interpreter(path);
    if (interpreter.ends_with('\r')) {
        interpreter.pop_back();
        return "its interpreter " + interpreter +
               " is followed by a carriage return; save the script with Unix line ends";
    }
    if (!interpreter.empty())
        return "its interpreter " + interpreter + " is missing";
    interpreter = elf_interpreter(path);
    if (!interpreter.empty())
        return "the dynamic loader " + interpreter +
               " that it asks for is missing; was it built for another system?";
    return {};
}

/// Why this user may not execute `path` itself; empty if nothing speaks against it.
std::string explain_denied(const std::string& path) {
    const std::string user = "uid " + std::to_string(::geteuid());
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0)
        return errno == EACCES ? "a directory above it is closed to " + user : std::string();
    if (S_ISDIR(status.st_mode))
        return "it is a directory";
    if (!S_ISREG(status.st_mode))
        return "it is not a regular file";
    struct statvfs mount {};
    if (::statvfs(path.c_str(), &mount) == 0 && (mount.f_flag & ST_NOEXEC) != 0)
        return "its file system is mounted noexec";
    if (::faccessat(AT_FDCWD, path.c_str(), X_OK, AT_EACCESS) == 0)
        return {};
    std::array<char, 8> mode{};
    std::snprintf(mode.data(), mode.size(), "%04o", status.st_mode & 07777);
    return "its mode is " + std::string(mode.data()) + " and its owner uid " +
           std::to_string(status.st_uid) + ": " + user + " may not execute it";
}

std::string explain_permission(const std::string& path) {
    std::string reason = explain_denied(path);
    if (!reason.empty())
        return reason;
    const std::string interpreter = script_interpreter(path);
    if (interpreter.empty())
        return {};
    reason = explain_denied(interpreter);
    return "its interpreter " + interpreter + " cannot be executed" +
           (reason.empty() ? "" : ", " + reason);
}

std::string explain_too_big(const wire::LaunchOrder& order) {
    std::size_t total = 0;
    for (const auto* texts : {&order.arguments, &order.environment}) {
        for (const std::string& text : *texts) {
            total += text.size() + 1 + sizeof(char*);
            if (text.size() < argument_limit)
                continue;
            const bool argument = texts == &order.arguments;
            const std::string name =
                argument ? "an argument"
                         : "the environment variable " + text.substr(0, text.find('='));
            return name + " is longer than " + std::to_string(argument_limit - 1) + " bytes";
        }
    }
    rlimit stack{};
    ::getrlimit(RLIMIT_STACK, &stack);
    return "arguments and environment take " + std::to_string(total) +
           " bytes; a quarter of the limit stack is allowed, which is " +
           std::to_string(stack.rlim_cur / 4);
}

std::string explain_format(const std::string& path) {
    const std::string start = read_piece(path, SELFMAG);
    if (start.empty())
        return "the file is empty";
    if (start.starts_with(ELFMAG))
        return "it is a program for another kind of machine";
    return "it is neither a program for this machine nor a script that starts with #!";
}

std::string reason_of(const wire::LaunchOrder& order, int error) {
    switch (error) {
    case ENOENT:
        return explain_absent(order.executable);
    case EACCES:
        return explain_permission(order.executable);
    case E2BIG:
        return explain_too_big(order);
    case ENOEXEC:
        return explain_format(order.executable);
    case ETXTBSY:
        return "a process has it open for writing; install a new version beside it and rename it";
    case EAGAIN:
        return "uid " + std::to_string(::getuid()) +
               " runs as many processes as the limit nproc allows";
    default: // errno is an int: there are more values than names
        return {};
    }
}

} // namespace

Error explain_exec_failure(const wire::LaunchOrder& order, int error) {
    Error failure = system_error("cannot execute " + order.executable, error);
    if (const std::string reason = reason_of(order, error); !reason.empty())
        failure.message += " (" + reason + ")";
    return failure;
}

std::string harmless(std::string text) {
    std::replace_if(
        text.begin(), text.end(), [](unsigned char byte) { return byte < 0x20 || byte == 0x7f; },
        '?');
    return text;
}

} // namespace svc::launch
