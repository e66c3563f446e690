#include "wire/varlink.h"

#include <doctest/doctest.h>

#include <random>

using namespace svc;
using namespace svc::wire;

namespace {
std::string without_nul(std::string text) {
    REQUIRE(text.ends_with('\0'));
    text.pop_back();
    return text;
}
} // namespace

TEST_CASE("a call reads back as it was written") {
    VarlinkCall call{"io.svc.Supervisor.Reload", {{"cause", "a \"b\"\n"}}, true, false};
    const auto back = decode_call(without_nul(encode(call)));
    REQUIRE(back.ok());
    CHECK(back->method == call.method);
    CHECK(back->parameters == call.parameters);
    CHECK(back->more);
    CHECK_FALSE(back->oneway);
}

TEST_CASE("a reply reads back as it was written") {
    VarlinkReply reply{{{"message", "no"}}, "io.svc.Supervisor.NotPermitted", false};
    const auto back = decode_reply(without_nul(encode(reply)));
    REQUIRE(back.ok());
    CHECK(back->error == reply.error);
    CHECK(back->parameters == reply.parameters);
    CHECK(decode_reply(R"({"parameters":{},"continues":true})")->continues);
    CHECK(decode_reply("{}").ok());
}

TEST_CASE("what is no call is refused with its fault") {
    const auto fault = [](std::string_view text) { return decode_call(text).error().message; };
    CHECK(fault("").find("not JSON") != std::string::npos);
    CHECK(fault("{} x").find("not JSON") != std::string::npos);
    CHECK(fault("[]") == "the message is not a JSON object");
    CHECK(fault("{}") == "the message has no \"method\"");
    CHECK(fault(R"({"method":1})").find("\"method\" is not a name") == 0);
    CHECK(fault(R"({"method":"x\u001b.y"})").find("\"method\" is not a name") == 0);
    CHECK(fault(R"({"method":"nodot"})").find("\"method\" is not a name") == 0);
    CHECK(fault(R"({"method":"a.b","parameters":[]})") == "\"parameters\" is not an object");
    CHECK(fault(R"({"method":"a.b","more":1})") == "\"more\" is neither true nor false");
    CHECK(fault(R"({"method":"a.b","more":true,"oneway":true})").find("exclude") !=
          std::string::npos);
    CHECK(fault(R"({"method":"a.b","upgrade":true})") == "\"upgrade\" is not possible here");
    CHECK(fault(R"({"method":"a.b","colour":1})").find("does not know") != std::string::npos);
    CHECK(decode_call("{\"method\":\"a.b\",\"x\":\"\xff\"}").ok() == false);
    CHECK(decode_call(R"({"method":"a.b","upgrade":false})").ok());
}

TEST_CASE("nesting is bounded") {
    const auto nested = [](std::size_t depth) {
        return R"({"method":"a.b","parameters":{"x":)" + std::string(depth, '[') +
               std::string(depth, ']') + "}}";
    };
    CHECK(decode_call(nested(varlink_nesting_limit - 2)).ok());
    CHECK_FALSE(decode_call(nested(varlink_nesting_limit)).ok());
    CHECK_FALSE(decode_call(nested(100'000)).ok());
}

TEST_CASE("messages come out whole, however the bytes come in") {
    const std::string stream("one\0two\0\0three\0fo", 17);
    for (std::size_t chunk = 1; chunk <= stream.size(); ++chunk) {
        CAPTURE(chunk);
        MessageBuffer buffer;
        std::vector<std::string> messages;
        for (std::size_t at = 0; at < stream.size(); at += chunk) {
            REQUIRE(buffer.append(stream.substr(at, chunk)).ok());
            while (auto message = buffer.next())
                messages.push_back(*message);
        }
        CHECK(messages == std::vector<std::string>{"one", "two", "", "three"});
        CHECK(buffer.pending() == 2);
    }
}

TEST_CASE("messages that were not taken yet survive the next append") {
    MessageBuffer buffer;
    REQUIRE(buffer.append(std::string_view("a\0b\0c", 5)).ok());
    CHECK(buffer.next() == "a");
    REQUIRE(buffer.append(std::string_view("d\0", 2)).ok());
    CHECK(buffer.next() == "b");
    CHECK(buffer.next() == "cd");
    CHECK(buffer.next() == std::nullopt);
    CHECK(buffer.pending() == 0);
}

TEST_CASE("a message over the limit ends the connection, in pieces or at once, for good") {
    const auto at_limit = std::string(10, 'x') + std::string(1, '\0');
    MessageBuffer exact(10);
    CHECK(exact.append(at_limit + at_limit).ok());
    CHECK(exact.next().has_value());

    MessageBuffer whole(10);
    CHECK_FALSE(whole.append("xx" + at_limit).ok());
    MessageBuffer second(10);
    CHECK_FALSE(second.append(at_limit + "x" + at_limit).ok());

    MessageBuffer pieces(10);
    CHECK(pieces.append("12345").ok());
    CHECK(pieces.append("67890").ok());
    CHECK_FALSE(pieces.append("1").ok());
    CHECK_FALSE(pieces.append(std::string_view("\0", 1)).ok());
    CHECK(pieces.next() == std::nullopt);
    CHECK(pieces.pending() == 0);
}

TEST_CASE("no mutation of a message crashes the decoder") {
    std::mt19937 random(2);
    const std::string base =
        R"({"method":"io.svc.Supervisor.Reload","parameters":{"a":[1,2.5,null],"b":{"c":"ä"}},"more":true})";
    for (int round = 0; round < 20'000; ++round) {
        std::string text = base;
        for (auto changes = 1 + random() % 4; changes > 0; --changes)
            text[random() % text.size()] = static_cast<char>(random());
        text.resize(random() % 8 == 0 ? random() % text.size() : text.size());
        const auto call = decode_call(text);
        CHECK((!call || !call->method.empty()));
        CHECK((decode_reply(text) || true));
    }
}
