// Files and directories that are there whole or not at all, whenever the power fails.
#pragma once

#include "base/result.h"
#include "base/unique_fd.h"

#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace svc::os {

/// A directory in the making: PARENT/.new-NAME until commit() renames it.
///
///   make() → write(), create() → sync_files(): its files and itself are on disk → commit(): its name is
///
/// One that is not committed is removed again.
class NewDirectory {
public:
    /// Removes what an earlier attempt left. Mode 0700.
    static Result<NewDirectory> make(const std::string& parent, const std::string& name);
    NewDirectory(NewDirectory&& other) noexcept;
    NewDirectory& operator=(NewDirectory&&) = delete;
    ~NewDirectory();

    Result<void> write(const std::string& file, std::string_view content, mode_t mode);
    /// An empty file for the caller to fill.
    Result<UniqueFd> create(const std::string& file, mode_t mode);
    void remove(const std::string& file);
    [[nodiscard]] int fd() const { return directory_.get(); }
    /// Fails if PARENT/NAME exists.
    Result<void> commit();

private:
    NewDirectory(std::string parent, std::string name, UniqueFd directory);

    [[nodiscard]] std::string path_of(const std::string& file) const {
        return parent_ + "/" + name_ + "/" + file;
    }

    std::string parent_;
    std::string name_;
    UniqueFd directory_; ///< empty: committed, or moved from
};

/// The whole of an open file into an empty one, in shared blocks where the file system can (FICLONE,
/// ioctl_ficlone(2)), else copy_file_range(2).
Result<void> copy_whole(int from, int to);
/// fsync(2) of every file of a directory, then of itself. Both of these take as long as the disk takes:
/// os/file_work.h has them done by a child.
Result<void> sync_files(int directory);

/// disk: it is there after a power failure, too, and the call takes as long as the disk takes.
/// kernel: it outlives us; after a power failure it may be the old one, or empty.
enum class Reaches { disk, kernel };
/// A file of an existing directory, replaced in one step. `writer`: where others may write it at the same time, what no
/// other of them has; what one that is killed leaves is then nobody's to remove.
Result<void> write_in_one_step(const std::string& directory, const std::string& file,
                               std::string_view content, mode_t mode, Reaches reaches,
                               std::string_view writer = {});

/// The names in a directory, without "." and "..", in no order; an error if there are more than
/// `limit`.
Result<std::vector<std::string>> list_directory(const std::string& path, std::size_t limit);
/// A directory with plain files in it. First it loses its name, so that it is never seen half empty.
Result<void> remove_directory(const std::string& parent, const std::string& name);
/// Removes what remove_directory() and NewDirectory left in `parent` when the process was killed.
void remove_leftovers(const std::string& parent);

} // namespace svc::os
