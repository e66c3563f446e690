// Result<T>: what a caller is expected to handle. A broken invariant is not a Result: see fatal().
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace svc {

/// Something that went wrong outside the program, said so that a person can act on it: what was
/// attempted, on what, and why it failed ("cannot bind 0.0.0.0:80: Permission denied").
struct Error {
    std::string message;
    int code = 0; ///< errno where a system call failed, else 0

    bool operator==(const Error&) const = default;
};

/// errno's text: "Permission denied".
std::string error_text(int errno_value);

/// `what` plus errno's text: system_error("cannot open /etc/web.env", ENOENT).
Error system_error(std::string what, int errno_value);

/// Ends the process with a reason on stderr: for invariants only, never for input from outside.
[[noreturn]] void fatal(std::string_view broken_invariant);

template <class T>
class [[nodiscard]] Result {
public:
    Result(T value) : content_(std::in_place_index<0>, std::move(value)) {}
    Result(Error error) : content_(std::in_place_index<1>, std::move(error)) {}

    [[nodiscard]] bool ok() const { return content_.index() == 0; }
    explicit operator bool() const { return ok(); }

    T& value() & { return *checked(); }
    const T& value() const& { return *const_cast<Result*>(this)->checked(); }
    T&& value() && { return std::move(*checked()); }
    T& operator*() & { return value(); }
    const T& operator*() const& { return value(); }
    T&& operator*() && { return std::move(*this).value(); }
    T* operator->() { return checked(); }
    const T* operator->() const { return const_cast<Result*>(this)->checked(); }

    [[nodiscard]] const Error& error() const {
        if (ok())
            fatal("Result::error() of a value");
        return *std::get_if<1>(&content_);
    }

private:
    T* checked() {
        if (!ok())
            fatal(std::get_if<1>(&content_)->message);
        return std::get_if<0>(&content_);
    }

    std::variant<T, Error> content_;
};

template <>
class [[nodiscard]] Result<void> {
public:
    Result() = default;
    Result(Error error) : error_(std::move(error)), ok_(false) {}

    [[nodiscard]] bool ok() const { return ok_; }
    explicit operator bool() const { return ok_; }
    [[nodiscard]] const Error& error() const {
        if (ok_)
            fatal("Result::error() of a success");
        return error_;
    }

private:
    Error error_;
    bool ok_ = true;
};

} // namespace svc
