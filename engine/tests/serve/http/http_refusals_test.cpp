/// What the server refuses: requests that cannot be met, that are too large, or could be read in two ways.
#include <array>

#include "engine/serve/http/http_server.h"
#include "engine/tests/serve/http/server_fixture.h"

namespace reprise::engine {
namespace {

using ::testing::HasSubstr;

TEST(HttpRefusals, WhatCannotBeMetIsRefusedByName) {
  const RunningServer server;
  const std::string text = "/v1/completions";
  const std::string chat = "/v1/chat/completions";
  const std::vector<std::array<std::string, 3>> cases = {
      {text, "{", "body: expected JSON, found a syntax error"},
      {text, "[]", "body: expected a JSON object, found []"},
      {text, "", "body: expected JSON"},
      {text, "{}", "prompt: expected a text or token ids, found neither"},
      {text, R"({"prompt": 5})", "prompt: expected one text"},
      {text, R"({"prompt": ["a", "b"]})", "prompt: expected one text"},
      {text, R"({"prompt": [1, -1]})", "prompt: expected token ids, found -1"},
      {text, R"({"prompt": [1, 99999999999]})", "prompt: expected token ids, found 99999999999"},
      {text, R"({"prompt": [100000]})", "prompt_ids[0]: expected a token id below"},
      {text, R"({"prompt": ""})", "prompt: expected at least one token, found none"},
      {text, R"({"prompt": "a", "max_tokens": 0})", "max_tokens: expected a whole number from 1"},
      {text, R"({"prompt": "a", "max_tokens": 1.5})", "max_tokens: expected a whole number"},
      {text, R"({"prompt": "a", "max_tokens": 18446744073709551615})", "max_tokens: expected a whole number"},
      {text, R"({"prompt": "a", "temperature": "hot"})", "temperature: expected a number from 0 to 100"},
      {text, R"({"prompt": "a", "temperature": -1})", "temperature: expected a number from 0 to 100"},
      {text, R"({"prompt": "a", "top_p": 2})", "top_p: expected a number from 0 to 1, found 2"},
      {text, R"({"prompt": "a", "n": 2})", "n: expected 1, all that this server gives, found 2"},
      {text, R"({"prompt": "a", "stop": [""]})", "stop: expected texts of 1 to 1024 bytes"},
      {text, R"({"prompt": "a", "stop": 7})", "stop: expected a text, or a list"},
      {text, R"({"prompt": "a", "echo": true})", "echo: expected false"},
      {text, R"({"prompt": "a", "logprobs": 21})", "logprobs: expected a whole number from 0 to 20"},
      {text, R"({"prompt": "a", "frequency_penalty": 0.5})", "frequency_penalty: expected 0"},
      {text, R"({"prompt": "a", "logit_bias": {"5": 1}})", "logit_bias: expected none"},
      {text, R"({"prompt": "a", "seed": 1.5})", "seed: expected a whole number"},
      {text, R"({"prompt": "a", "stream": "yes"})", "stream: expected true or false"},
      {text, R"({"prompt": "a", "prompt": "b"})", "expected the key 'prompt' once"},
      {chat, "{}", "messages: expected a list, found none"},
      {chat, R"({"messages": []})", "messages: expected at least one message, found none"},
      {chat, R"({"messages": [5]})", "messages[0]"},
      {chat, R"({"messages": [{"role": "robot", "content": "a"}]})", "messages[0]"},
      {chat, R"({"messages": [{"role": "user", "content": "a"}], "tools": [{}]})", "tools: expected objects"},
      {chat, R"({"messages": [{"role": "user", "content": "a"}], "tool_choice": "required"})",
       "tool_choice: expected"},
      {chat,
       R"({"messages": [{"role": "user", "content": "a"}], "response_format": {"type": "json_object"}})",
       "response_format: expected"},
      {chat, R"({"messages": [{"role": "user", "content": "a"}], "top_logprobs": 2})",
       "top_logprobs: expected logprobs"},
  };
  for (const auto& [path, body, part] : cases) {
    EXPECT_THAT(error_of_answer(server.post(path, body), 400), HasSubstr(part)) << body;
  }
  const std::string deep = R"({"prompt": )" + std::string(5000, '[') + std::string(5000, ']') + "}";
  EXPECT_THAT(error_of_answer(server.post(text, deep), 400), HasSubstr("nested at most"));
  const Json longer = {{"prompt", std::string(513, 'a')}};
  EXPECT_THAT(error_of_answer(server.post(text, longer.dump()), 400),
              HasSubstr("expected at most 512 tokens (the context), found 513"));
  EXPECT_EQ(server.ask(text, kCompletion)["usage"]["completion_tokens"], 40) << "and the server lives on";
}

TEST(HttpRefusals, FieldsOfTheApiThatItDoesNotKnowAreRefused) {
  const RunningServer server;
  const Json messages = {{{"role", "user"}, {"content", "a"}}};
  for (const char* field :
       {"functions", "function_call", "reasoning_effort", "prediction", "audio", "verbosity"}) {
    const Json request = {{"messages", messages}, {field, "x"}};
    EXPECT_THAT(error_of_answer(server.post("/v1/chat/completions", request.dump()), 400),
                HasSubstr(std::string(field) + ": expected none"));
  }
  const Json kwargs = {{"messages", messages}, {"chat_template_kwargs", {{"enable_magic", true}}}};
  EXPECT_THAT(error_of_answer(server.post("/v1/chat/completions", kwargs.dump()), 400),
              HasSubstr("enable_magic"));
}

TEST(HttpRefusals, OtherPathsMethodsAndTypesAreErrorsInJson) {
  const RunningServer server;
  EXPECT_THAT(error_of_answer(server.get("/v1/nothing"), 404),
              HasSubstr("path: expected one that this server has"));
  EXPECT_THAT(error_of_answer(server.get("/v1/completions"), 404), HasSubstr("path"));
  EXPECT_THAT(error_of_answer(server.get("/v1/models/other"), 404), HasSubstr("model: expected tiny"));
  EXPECT_THAT(error_of_answer(server.get("/report"), 404), HasSubstr("--profile"));
  EXPECT_THAT(error_of_answer(server.client().Post("/v1/completions", kCompletion.dump(), "text/plain"), 415),
              HasSubstr("content-type: expected application/json"));
}

TEST(HttpRefusals, AsksForItsTokenBeforeItReadsAnything) {
  HttpServerOptions options = quick_options();
  options.api_key = "correct horse";
  const RunningServer server(options);
  EXPECT_THAT(error_of_answer(server.post("/v1/completions", kCompletion.dump()), 401),
              HasSubstr("bearer token"));
  EXPECT_EQ(server.get("/metrics")->status, 401);
  EXPECT_EQ(server.get("/health")->status, 200) << "who watches the server needs no token";
  httplib::Client client = server.client();
  client.set_bearer_token_auth("correct horsf");
  EXPECT_EQ(client.Get("/v1/models")->status, 401);
  client.set_bearer_token_auth("correct horse");
  EXPECT_EQ(client.Get("/v1/models")->status, 200);
}

TEST(HttpRefusals, ABodyThatIsTooLargeIsRefusedUnread) {
  HttpServerOptions options = quick_options();
  options.max_body_bytes = 1000;
  const RunningServer server(options);
  const std::string large(200'000, 'a');
  EXPECT_THAT(error_of_answer(server.post("/v1/completions", Json{{"prompt", large}}.dump()), 413),
              HasSubstr("body: expected at most"));
  const auto provide = [&](std::size_t, httplib::DataSink& sink) {
    sink.write(large.data(), 4096);
    sink.done();
    return true;
  };
  const auto chunked = server.client().Post("/v1/completions", provide, "application/json");
  EXPECT_THAT(error_of_answer(chunked, 411), HasSubstr("found chunks")) << "nobody could tell how many come";
  const httplib::Headers gzip = {{"Content-Encoding", "gzip"}};
  EXPECT_EQ(server.client().Post("/v1/completions", gzip, kCompletion.dump(), "application/json")->status,
            411);
  EXPECT_EQ(server.ask("/v1/completions", kCompletion)["usage"]["completion_tokens"], 40);
}

/// All that the server says until it closes the connection.
std::string answer_to_raw(int port, const std::string& bytes) {
  const int fd = send_raw(port, bytes);
  std::string answer;
  std::array<char, 4096> part{};
  for (ssize_t n = 0; (n = recv(fd, part.data(), part.size(), 0)) > 0;) {
    answer.append(part.data(), static_cast<std::size_t>(n));
  }
  close(fd);
  return answer;
}

TEST(HttpRefusals, LengthsThatCouldBeReadInTwoWaysEndTheConnection) {
  const RunningServer server;
  const std::string next = "GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n";
  const auto post = [&](const std::string& headers) {
    return "POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" + headers +
           "\r\n" + next;
  };
  const std::vector<std::pair<std::string, std::string>> cases = {
      {post(""), "411"},
      {post("Content-Length: 5abc\r\n"), "411"},
      {post("Content-Length: 0x10\r\n"), "411"},
      {post("Content-Length: -1\r\n"), "411"},
      {post("Content-Length: 99999999999999999999\r\n"), "411"},
      {post("Content-Length: 2\r\nContent-Length: 3\r\n"), "411"},
      {post("Content-Length: 5000000000\r\n"), "413"},
      {"GET /health HTTP/1.1\r\nHost: x\r\nContent-Length: 40\r\n\r\n" + next, "400"},
      {"GET /health HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + next, "411"},
      {"PUT /v1/completions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + next, "405"},
      {"DELETE /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 5000000000\r\n\r\n" + next, "405"},
  };
  for (const auto& [request, status] : cases) {
    const std::string answer = answer_to_raw(server.port(), request);
    EXPECT_THAT(answer, ::testing::StartsWith("HTTP/1.1 " + status)) << request;
    EXPECT_THAT(answer, HasSubstr("Connection: close")) << request;
    EXPECT_THAT(answer, ::testing::Not(HasSubstr("\"object\":\"list\"")))
        << "the body became a request: " << request;
  }
}

TEST(HttpRefusals, AHeadWithoutEndIsCutOff) {
  HttpServerOptions options = quick_options();
  options.max_body_bytes = 1000;
  const RunningServer server(options);
  const std::string endless = "GET /" + std::string(200'000, 'x');
  const int fd = send_raw(server.port(), endless);
  std::array<char, 4096> part{};
  while (recv(fd, part.data(), part.size(), 0) > 0) {
  }
  close(fd);  // it came to an end, though the request has none
  EXPECT_EQ(server.get("/health")->status, 200);
}

TEST(HttpRefusals, RangesAreNotServed) {
  const RunningServer server;
  const httplib::Headers ranges = {{"Range", "bytes=0-,0-,0-,0-"}};
  const auto whole = server.get("/v1/models");
  const auto result = server.client().Get("/v1/models", ranges);
  EXPECT_EQ(result->status, 200);
  EXPECT_EQ(result->body, whole->body);
}

TEST(HttpRefusals, OpenConnectionsKeepNobodyFromBeingAnswered) {
  HttpServerOptions options = quick_options();
  options.slots.max_waiting = 1;
  const RunningServer server(options);
  std::vector<int> silent;
  for (int i = 0; i < 200; ++i) {
    silent.push_back(send_raw(server.port(), i % 2 == 0 ? "" : "GET /heal"));
  }
  EXPECT_EQ(server.get("/health")->status, 200);
  EXPECT_EQ(server.ask("/v1/completions", kCompletion)["usage"]["completion_tokens"], 40);
  for (const int fd : silent) {
    close(fd);
  }
}

}  // namespace
}  // namespace reprise::engine
