// Contents: what files had in them, as far as it was read.
#pragma once

#include "os/files.h"

#include <map>
#include <optional>
#include <string>

namespace svc::daemon {

/// SHA-256 by path, each of the file as one stat(2) showed it. A file is read once for as long as nothing
/// of its stat changes.
class Contents {
public:
    /// nullopt: not known. Empty: it is too large, could not be read, or changed while it was.
    [[nodiscard]] std::optional<std::string> find(const std::string& path,
                                                  const os::FileStat& stat) const;
    void keep(const std::string& path, const os::FileStat& stat, std::string digest);

private:
    struct Content {
        os::FileStat stat;
        std::string digest;
    };
    std::map<std::string, Content> known_;
};

} // namespace svc::daemon
