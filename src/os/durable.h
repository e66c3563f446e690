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
///   make() → write(), copy() → commit(): every file is on disk, then the directory, then its name
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
    /// The whole of an open file; shared blocks where the file system can (FICLONE,
    /// ioctl_ficlone(2)), else copy_file_range(2).
    Result<void> copy(const std::string& file, int from, mode_t mode);
    /// Fails if PARENT/NAME exists.
    Result<void> commit();

private:
    NewDirectory(std::string parent, std::string name, UniqueFd directory);

    std::string parent_;
    std::string name_;
    UniqueFd directory_; ///< empty: committed, or moved from
};

/// A file of an existing directory, replaced in one step.
Result<void> write_durably(const std::string& directory, const std::string& file,
                           std::string_view content, mode_t mode);

/// The names in a directory, without "." and "..", in no order; an error if there are more than
/// `limit`.
Result<std::vector<std::string>> list_directory(const std::string& path, std::size_t limit);
/// A directory with plain files in it. First it loses its name, so that it is never seen half empty.
Result<void> remove_directory(const std::string& parent, const std::string& name);
/// Removes what remove_directory() and NewDirectory left in `parent` when the process was killed.
void remove_leftovers(const std::string& parent);

} // namespace svc::os
