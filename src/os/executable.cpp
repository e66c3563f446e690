#include "os/executable.h"

#include "base/sha256.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace svc::os {

namespace {

constexpr std::size_t headers_limit = 128;
constexpr std::size_t notes_limit = 64 * 1024;

/// As many bytes as there are, up to `size`.
std::string read_at(int fd, std::size_t size, std::uint64_t offset) {
    std::string bytes(size, '\0');
    const ssize_t count = ::pread(fd, bytes.data(), size, static_cast<off_t>(offset));
    bytes.resize(count < 0 ? 0 : static_cast<std::size_t>(count));
    return bytes;
}

std::string hexadecimal(std::string_view bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    for (const char byte : bytes) {
        text += digits[static_cast<unsigned char>(byte) >> 4];
        text += digits[static_cast<unsigned char>(byte) & 15];
    }
    return text;
}

/// The file is anybody's: every length is held against what there is.
std::string build_id_in(std::string_view notes) {
    const auto padded = [](std::size_t size) { return (size + 3) / 4 * 4; };
    while (notes.size() >= sizeof(Elf64_Nhdr)) {
        Elf64_Nhdr note{};
        std::memcpy(&note, notes.data(), sizeof note);
        notes.remove_prefix(sizeof note);
        const std::size_t name = padded(note.n_namesz);
        const std::size_t content = padded(note.n_descsz);
        if (name > notes.size() || content > notes.size() - name)
            return {};
        if (note.n_type == NT_GNU_BUILD_ID && notes.substr(0, 4) == std::string_view("GNU\0", 4))
            return hexadecimal(notes.substr(name, note.n_descsz));
        notes.remove_prefix(name + content);
    }
    return {};
}

FileKind kind_of(int fd) {
    const std::string start = read_at(fd, SELFMAG, 0);
    if (start == std::string_view(ELFMAG, SELFMAG))
        return FileKind::elf;
    return start.starts_with("#!") ? FileKind::script : FileKind::other;
}

bool is_regular(const std::string& path) {
    struct stat found {};
    return ::stat(path.c_str(), &found) == 0 && S_ISREG(found.st_mode);
}

/// "python3.11" is python.
bool is_interpreter(std::string_view name) {
    constexpr std::array<std::string_view, 21> known{
        "python", "pypy", "ruby", "jruby", "node", "nodejs", "deno", "bun",   "perl",  "php", "lua",
        "luajit", "java", "sh",   "bash",  "dash", "ksh",    "zsh",  "tclsh", "guile", "env"};
    while (!name.empty() && (name.back() == '.' || (name.back() >= '0' && name.back() <= '9')))
        name.remove_suffix(1);
    return std::find(known.begin(), known.end(), name) != known.end();
}

} // namespace

Result<FileStat> stat_fd(int fd) {
    constexpr std::int64_t nanoseconds = 1'000'000'000;
    struct stat found {};
    if (::fstat(fd, &found) != 0)
        return svc::system_error("cannot look at an open file", errno);
    return FileStat{
        .device = found.st_dev,
        .inode = found.st_ino,
        .size = static_cast<std::uint64_t>(found.st_size),
        .modified_ns = found.st_mtim.tv_sec * nanoseconds + found.st_mtim.tv_nsec,
        .changed_ns = found.st_ctim.tv_sec * nanoseconds + found.st_ctim.tv_nsec,
    };
}

std::string read_build_id(int fd) {
    const std::string start = read_at(fd, sizeof(Elf64_Ehdr), 0);
    Elf64_Ehdr file{};
    if (start.size() < sizeof file || !start.starts_with(ELFMAG))
        return {};
    std::memcpy(&file, start.data(), sizeof file);
    if (file.e_ident[EI_CLASS] != ELFCLASS64 || file.e_phentsize != sizeof(Elf64_Phdr))
        return {};
    const std::size_t count = std::min<std::size_t>(file.e_phnum, headers_limit);
    const std::string headers = read_at(fd, count * sizeof(Elf64_Phdr), file.e_phoff);
    for (std::size_t at = 0; at + sizeof(Elf64_Phdr) <= headers.size(); at += sizeof(Elf64_Phdr)) {
        Elf64_Phdr header{};
        std::memcpy(&header, headers.data() + at, sizeof header);
        if (header.p_type != PT_NOTE)
            continue;
        const std::size_t size = std::min<std::uint64_t>(header.p_filesz, notes_limit);
        if (std::string found = build_id_in(read_at(fd, size, header.p_offset)); !found.empty())
            return found;
    }
    return {};
}

std::string read_digest(int fd) {
    const auto stat = stat_fd(fd);
    if (!stat || stat->size > digest_limit)
        return {};
    Sha256 hash;
    std::string piece(256 * 1024, '\0');
    for (std::uint64_t offset = 0; offset < digest_limit;) {
        const ssize_t count = ::pread(fd, piece.data(), piece.size(), static_cast<off_t>(offset));
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return {};
        if (count == 0)
            return hash.digest();
        hash.add(std::string_view(piece).substr(0, static_cast<std::size_t>(count)));
        offset += static_cast<std::uint64_t>(count);
    }
    return {};
}

Result<OpenedFile> open_executable(const std::string& path) {
    // O_NONBLOCK and O_NOCTTY: what stands there may be a fifo or a terminal.
    OpenedFile opened;
    opened.fd = UniqueFd(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    if (!opened.fd)
        return svc::system_error("cannot open " + path, errno);
    struct stat found {};
    if (::fstat(opened.fd.get(), &found) != 0)
        return svc::system_error("cannot look at " + path, errno);
    if (!S_ISREG(found.st_mode))
        return Error{"cannot execute " + path + ": it is not a regular file", EACCES};
    auto stat = stat_fd(opened.fd.get());
    if (!stat)
        return stat.error();
    opened.stat = *stat;
    opened.kind = kind_of(opened.fd.get());
    if (opened.kind == FileKind::elf)
        opened.build_id = read_build_id(opened.fd.get());
    return opened;
}

std::vector<std::string> program_candidates(const std::vector<std::string>& command) {
    // After these the code is not in a file that the command names.
    constexpr std::array<std::string_view, 5> no_file{"-c", "-e", "-m", "--eval", "--module"};
    std::vector<std::string> found;
    if (command.empty() || !is_interpreter(command[0].substr(command[0].rfind('/') + 1)))
        return found;
    for (std::size_t index = 1; index < command.size(); ++index) {
        const std::string& word = command[index];
        if (std::find(no_file.begin(), no_file.end(), word) != no_file.end())
            break;
        if (!word.empty() && !word.starts_with('-'))
            found.push_back(word);
    }
    return found;
}

std::optional<std::string> find_program(const std::vector<std::string>& command,
                                        const std::string& directory) {
    for (const std::string& word : program_candidates(command)) {
        const std::string path =
            word.starts_with('/') ? word : (directory.empty() ? "/" : directory + "/") + word;
        if (is_regular(path))
            return path;
    }
    return std::nullopt;
}

bool has_own_profile(const std::optional<std::string>& worker,
                     const std::optional<std::string>& ours) {
    if (!worker)
        return true;
    return !worker->starts_with("unconfined") && worker != ours;
}

bool is_confined(pid_t pid) {
    // attr/current may be another security module's (proc(5)); apparmor/ is there from Linux 5.8.
    const auto enabled = read_file("/sys/module/apparmor/parameters/enabled", 16);
    if (!enabled || !enabled->starts_with('Y'))
        return false;
    const auto label_of = [](const std::string& process) -> std::optional<std::string> {
        auto label = read_file("/proc/" + process + "/attr/apparmor/current", 4096);
        return label ? std::optional(std::move(*label)) : std::nullopt;
    };
    return has_own_profile(label_of(std::to_string(pid)), label_of("self"));
}

} // namespace svc::os
