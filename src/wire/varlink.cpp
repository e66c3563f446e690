#include "wire/varlink.h"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>

namespace svc::wire {
namespace {

namespace json = boost::json;

/// Interface and method names, and names of errors: ASCII letters, digits, '-' and '.'
/// (varlink.org, Interface Definition).
bool is_qualified_name(std::string_view name) {
    const auto allowed = [](char character) {
        return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') ||
               (character >= '0' && character <= '9') || character == '-' || character == '.';
    };
    return name.size() <= 255 && name.find('.') != std::string_view::npos &&
           std::all_of(name.begin(), name.end(), allowed);
}

Result<json::object> parse_message(std::string_view message) {
    json::parse_options options;
    options.max_depth = varlink_nesting_limit;
    json::error_code error;
    json::value value = json::parse(message, error, {}, options);
    if (error)
        return Error{"the message is not JSON: " + error.message()};
    if (!value.is_object())
        return Error{"the message is not a JSON object"};
    return std::move(value.get_object());
}

Result<void> take_object(std::string_view name, json::value& value, json::object& into) {
    if (!value.is_object())
        return Error{"\"" + std::string(name) + "\" is not an object"};
    into = std::move(value.get_object());
    return {};
}

Result<void> take_name(std::string_view name, const json::value& value, std::string& into) {
    if (!value.is_string() || !is_qualified_name(value.get_string()))
        return Error{"\"" + std::string(name) + "\" is not a name such as \"org.example.Name\""};
    into = value.get_string();
    return {};
}

Result<void> take_bool(std::string_view name, const json::value& value, bool& into) {
    if (!value.is_bool())
        return Error{"\"" + std::string(name) + "\" is neither true nor false"};
    into = value.get_bool();
    return {};
}

Error unknown_member() {
    // Its name is the sender's and goes nowhere: an error text is shown on terminals.
    return Error{"the message has a member that Varlink does not know"};
}

} // namespace

std::string encode(const VarlinkCall& call) {
    json::object message;
    message["method"] = call.method;
    message["parameters"] = call.parameters;
    if (call.more)
        message["more"] = true;
    if (call.oneway)
        message["oneway"] = true;
    std::string text = json::serialize(message);
    text += '\0';
    return text;
}

std::string encode(const VarlinkReply& reply) {
    json::object message;
    if (!reply.error.empty())
        message["error"] = reply.error;
    message["parameters"] = reply.parameters;
    if (reply.continues)
        message["continues"] = true;
    std::string text = json::serialize(message);
    text += '\0';
    return text;
}

Result<VarlinkCall> decode_call(std::string_view message) {
    auto members = parse_message(message);
    if (!members)
        return members.error();
    VarlinkCall call;
    bool upgrade = false;
    for (auto& member : *members) {
        const std::string_view name = member.key();
        Result<void> taken;
        if (name == "method")
            taken = take_name(name, member.value(), call.method);
        else if (name == "parameters")
            taken = take_object(name, member.value(), call.parameters);
        else if (name == "more")
            taken = take_bool(name, member.value(), call.more);
        else if (name == "oneway")
            taken = take_bool(name, member.value(), call.oneway);
        else if (name == "upgrade")
            taken = take_bool(name, member.value(), upgrade);
        else
            taken = unknown_member();
        if (!taken)
            return taken.error();
    }
    if (call.method.empty())
        return Error{"the message has no \"method\""};
    if (upgrade)
        return Error{"\"upgrade\" is not possible here"};
    if (call.more && call.oneway)
        return Error{"\"more\" and \"oneway\" exclude each other"};
    return call;
}

Result<VarlinkReply> decode_reply(std::string_view message) {
    auto members = parse_message(message);
    if (!members)
        return members.error();
    VarlinkReply reply;
    for (auto& member : *members) {
        const std::string_view name = member.key();
        Result<void> taken;
        if (name == "parameters")
            taken = take_object(name, member.value(), reply.parameters);
        else if (name == "error")
            taken = take_name(name, member.value(), reply.error);
        else if (name == "continues")
            taken = take_bool(name, member.value(), reply.continues);
        else
            taken = unknown_member();
        if (!taken)
            return taken.error();
    }
    return reply;
}

Result<void> MessageBuffer::append(std::string_view bytes) {
    if (begin_ > 0) {
        bytes_.erase(0, begin_);
        unfinished_ -= begin_;
        begin_ = 0;
    }
    std::size_t rest = 0; // of `bytes`: where the message that is being read goes on
    while (!failed_) {
        const auto end = std::min(bytes.find('\0', rest), bytes.size());
        const auto before = rest == 0 ? bytes_.size() - unfinished_ : 0;
        failed_ = before + (end - rest) > limit_;
        if (end == bytes.size() || failed_)
            break;
        rest = end + 1;
    }
    if (failed_) {
        bytes_.clear();
        bytes_.shrink_to_fit();
        unfinished_ = 0;
        return Error{"a message is longer than " + std::to_string(limit_) + " bytes"};
    }
    if (rest > 0)
        unfinished_ = bytes_.size() + rest;
    bytes_ += bytes;
    return {};
}

std::optional<std::string> MessageBuffer::next() {
    if (begin_ == unfinished_)
        return std::nullopt;
    const auto end = bytes_.find('\0', begin_);
    std::string message = bytes_.substr(begin_, end - begin_);
    begin_ = end + 1;
    return message;
}

} // namespace svc::wire
