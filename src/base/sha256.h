// SHA-256 (FIPS 180-4), to tell one file's content from another's.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace svc {

class Sha256 {
public:
    void add(std::string_view bytes);
    /// Of all that was added, in hexadecimal. Nothing may be added after it.
    std::string digest();

private:
    void take_block(const unsigned char* block);

    std::array<std::uint32_t, 8> state_{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                        0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    std::array<unsigned char, 64> pending_{};
    std::size_t pending_size_ = 0;
    std::uint64_t length_ = 0; ///< bytes
};

} // namespace svc
