/// The server as clients see it: answers, streams, limits, errors, and clients that hang up.
#include "engine/serve/http/http_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <future>
#include <sstream>

#include "engine/generate/generate.h"
#include "engine/tests/serve/http/server_fixture.h"
#include "engine/text/chat_reply.h"

namespace reprise::engine {
namespace {

using ::testing::HasSubstr;

const Json kCompletion = {
    {"prompt", "Once upon a time"}, {"max_tokens", 40}, {"temperature", 2}, {"seed", 7}};

void wait_until(const std::function<bool()>& condition) {
  while (!condition()) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

/// What generate() itself says to a prompt of bytes, drawn as kCompletion asks.
std::string text_after(const std::string& prompt, std::int64_t n) {
  Session session(tiny_model(), {.threads = 1}, {.n_positions = 512});
  GenerateRequest request;
  for (const char byte : prompt) {
    request.prompt_ids.push_back(static_cast<unsigned char>(byte));
  }
  request.max_new_tokens = n;
  request.sampling.temperature = 2;
  request.sampling.seed = 7;
  std::vector<TokenId> ids;
  for (const TokenId id : generate(session, request).generated_ids) {
    if (id < 256) {  // the model has more logits than there are bytes
      ids.push_back(id);
    }
  }
  return Tokenizer::bytes().decode(ids);
}

TEST(HttpServer, ACompletionIsWhatGenerateSays) {
  const RunningServer server;
  const Json answer = server.ask("/v1/completions", kCompletion);
  EXPECT_EQ(answer["object"], "text_completion");
  EXPECT_EQ(answer["model"], "tiny");
  EXPECT_EQ(answer["choices"][0]["text"], text_after("Once upon a time", 40));
  EXPECT_EQ(answer["choices"][0]["finish_reason"], "length");
  EXPECT_EQ(answer["usage"]["prompt_tokens"], 16);
  EXPECT_EQ(answer["usage"]["completion_tokens"], 40);
  EXPECT_EQ(answer["usage"]["total_tokens"], 56);
  const Json again = server.ask("/v1/completions", kCompletion);
  EXPECT_EQ(again["choices"], answer["choices"]);
  EXPECT_EQ(again["usage"]["prompt_tokens_details"]["cached_tokens"], 15) << "all but the last, which draws";
  EXPECT_NE(again["id"], answer["id"]);
}

TEST(HttpServer, TokenIdsAreAPromptToo) {
  const RunningServer server;
  Json request = kCompletion;
  request["prompt"] = std::vector<int>{'O', 'n', 'c', 'e'};
  EXPECT_EQ(server.ask("/v1/completions", request)["choices"][0]["text"], text_after("Once", 40));
}

TEST(HttpServer, AStreamSaysTheSameInPieces) {
  const RunningServer server;
  std::string text;
  Json request = kCompletion;
  request["stream_options"] = {{"include_usage", true}};
  const auto events = server.stream("/v1/completions", request);
  ASSERT_GT(events.size(), 3U);
  for (std::size_t i = 0; i + 1 < events.size(); ++i) {
    const Json& choice = events[i]["choices"][0];
    text += choice["text"].get<std::string>();
    EXPECT_EQ(choice["finish_reason"], i + 2 == events.size() ? Json("length") : Json(nullptr)) << i;
  }
  EXPECT_EQ(text, text_after("Once upon a time", 40));
  EXPECT_EQ(events.back()["usage"]["completion_tokens"], 40);
  EXPECT_TRUE(events.back()["choices"].empty());
}

TEST(HttpServer, AChatIsItsTemplateRendered) {
  const RunningServer server;
  const Json messages = {{{"role", "user"}, {"content", "Hello"}}};
  const Json chat = {{"messages", messages}, {"max_tokens", 10}, {"temperature", 2}, {"seed", 7}};
  const Json answer = server.ask("/v1/chat/completions", chat);
  EXPECT_EQ(answer["object"], "chat.completion");
  const std::string prompt =
      ChatTemplate::named("chatml").render(std::vector<ChatMessage>{{"user", "Hello", "", {}}}, {});
  const Json& message = answer["choices"][0]["message"];
  EXPECT_EQ(message["role"], "assistant");
  EXPECT_EQ(answer["usage"]["prompt_tokens"], prompt.size());
  ChatReplyParser parser;
  parser.push(text_after(prompt, 10));
  EXPECT_EQ(message["content"], parser.finish().content);

  std::string streamed;
  for (const Json& event : server.stream("/v1/chat/completions", chat)) {
    EXPECT_EQ(event["object"], "chat.completion.chunk");
    streamed += event["choices"][0]["delta"].value("content", "");
  }
  EXPECT_EQ(streamed, message["content"]);
}

TEST(HttpServer, MarkupIsTextWhereNothingOfTheKindWasOffered) {
  HttpServerHooks hooks;
  const std::string said = R"(<tool_call>{"name": "f", "arguments": {}}</tool_call>)";
  hooks.generate = [&](Session&, const GenerateRequest& request, GenerateObserver* observer) {
    GenerateResult result;
    result.n_prompt = std::ssize(request.prompt_ids);
    result.finish_reason = FinishReason::eos;
    for (const char c : said) {
      const auto id = static_cast<TokenId>(c);
      observer->on_token({std::ssize(result.generated_ids), id, id, {}, 0.0});
      result.generated_ids.push_back(id);
    }
    return result;
  };
  ServedModel model = tiny_served();
  model.chat = ChatTemplate::named("qwen3");
  const RunningServer server(quick_options(), hooks, model);
  Json chat = {{"messages", {{{"role", "user"}, {"content", "repeat that"}}}}};
  const Json plain = server.ask("/v1/chat/completions", chat)["choices"][0];
  EXPECT_EQ(plain["message"]["content"], said);
  EXPECT_EQ(plain["finish_reason"], "stop");
  chat["tools"] = {{{"type", "function"}, {"function", {{"name", "f"}}}}};
  const Json called = server.ask("/v1/chat/completions", chat)["choices"][0];
  EXPECT_EQ(called["message"]["tool_calls"][0]["function"]["name"], "f");
  EXPECT_EQ(called["finish_reason"], "tool_calls");
  const auto events = server.stream("/v1/chat/completions", chat);
  EXPECT_EQ(events[events.size() - 2]["choices"][0]["delta"]["tool_calls"][0]["function"]["name"], "f");
  chat["tool_choice"] = "none";
  EXPECT_EQ(server.ask("/v1/chat/completions", chat)["choices"][0]["message"]["content"], said);
}

TEST(HttpServer, EqualSeedsGiveEqualAnswersAndADrawnSeedIsTold) {
  const RunningServer server;
  Json request = {{"prompt", "abc"}, {"max_tokens", 16}, {"temperature", 1.5}, {"seed", 5}};
  const Json first = server.ask("/v1/completions", request);
  EXPECT_EQ(server.ask("/v1/completions", request)["choices"], first["choices"]);
  EXPECT_EQ(first["reprise"]["seed"], "5");
  request.erase("seed");
  const Json drawn = server.ask("/v1/completions", request);
  EXPECT_NE(drawn["choices"][0]["text"], first["choices"][0]["text"]);
  request["seed"] = std::stoull(drawn["reprise"]["seed"].get<std::string>());
  EXPECT_EQ(server.ask("/v1/completions", request)["choices"], drawn["choices"]);
}

TEST(HttpServer, AStopStringEndsTheAnswerAndIsNotPartOfIt) {
  const RunningServer server;
  const std::string whole = text_after("Once upon a time", 40);
  const auto is_ascii = [](char c) { return c > ' ' && c < 0x7F; };
  const auto at = std::find_if(whole.begin() + 5, whole.end(), is_ascii) - whole.begin();
  ASSERT_LT(at, std::ssize(whole)) << whole;
  const std::string stop = whole.substr(static_cast<std::size_t>(at), 1);
  Json request = kCompletion;
  request["stop"] = {stop, "never said"};
  const Json answer = server.ask("/v1/completions", request);
  EXPECT_EQ(answer["choices"][0]["text"], whole.substr(0, whole.find(stop)));
  EXPECT_EQ(answer["choices"][0]["finish_reason"], "stop");
}

TEST(HttpServer, LogprobsComeWithEachToken) {
  const RunningServer server;
  Json request = kCompletion;
  request["logprobs"] = 2;
  const Json logprobs = server.ask("/v1/completions", request)["choices"][0]["logprobs"];
  ASSERT_EQ(logprobs["tokens"].size(), 40U);
  EXPECT_EQ(logprobs["top_logprobs"][0].size(), 2U);
  for (const Json& logprob : logprobs["token_logprobs"]) {
    EXPECT_LT(logprob.get<double>(), 0);
  }
  Json chat = {{"messages", {{{"role", "user"}, {"content", "x"}}}},
               {"max_tokens", 6},
               {"temperature", 0},
               {"logprobs", true},
               {"top_logprobs", 3}};
  const Json whole = server.ask("/v1/chat/completions", chat)["choices"][0]["logprobs"]["content"];
  ASSERT_EQ(whole.size(), 6U);
  EXPECT_EQ(whole[0]["top_logprobs"].size(), 3U);
  EXPECT_EQ(whole[0]["top_logprobs"][0]["logprob"], whole[0]["logprob"]) << "greedy takes the likeliest";
  Json streamed = Json::array();
  for (const Json& event : server.stream("/v1/chat/completions", chat)) {
    if (const Json& part = event["choices"][0]["logprobs"]; part.is_object()) {
      streamed.insert(streamed.end(), part["content"].begin(), part["content"].end());
    }
  }
  EXPECT_EQ(streamed, whole) << "in a stream, each token is told once";
}

TEST(HttpServer, WhatCannotBeMetIsRefusedByName) {
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

TEST(HttpServer, FieldsOfTheApiThatItDoesNotKnowAreRefused) {
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

TEST(HttpServer, OtherPathsMethodsAndTypesAreErrorsInJson) {
  const RunningServer server;
  EXPECT_THAT(error_of_answer(server.get("/v1/nothing"), 404),
              HasSubstr("path: expected one that this server has"));
  EXPECT_THAT(error_of_answer(server.get("/v1/completions"), 404), HasSubstr("path"));
  EXPECT_THAT(error_of_answer(server.get("/v1/models/other"), 404), HasSubstr("model: expected tiny"));
  EXPECT_THAT(error_of_answer(server.get("/report"), 404), HasSubstr("--profile"));
  EXPECT_THAT(error_of_answer(server.client().Post("/v1/completions", kCompletion.dump(), "text/plain"), 415),
              HasSubstr("content-type: expected application/json"));
}

TEST(HttpServer, TellsOfItsModelItsHealthAndItsFigures) {
  const RunningServer server;
  const Json models = Json::parse(server.get("/v1/models")->body);
  EXPECT_EQ(models["data"][0]["id"], "tiny");
  EXPECT_EQ(models["data"][0]["reprise"]["n_context"], 512);
  EXPECT_EQ(Json::parse(server.get("/v1/models/tiny")->body), models["data"][0]);
  EXPECT_EQ(Json::parse(server.get("/health")->body)["status"], "ok");
  (void)server.ask("/v1/completions", kCompletion);
  (void)server.post("/v1/completions", "{");
  std::string metrics;
  for (const char* status : {"200", "400"}) {
    // A request is counted when its answer is written, which its client may see first.
    const std::string counted = std::string("{endpoint=\"/v1/completions\",status=\"") + status + "\"} 1\n";
    wait_until([&] { return (metrics = server.get("/metrics")->body).find(counted) != std::string::npos; });
  }
  EXPECT_THAT(metrics, HasSubstr("reprise_generated_tokens_total 40\n"));
  EXPECT_THAT(metrics, HasSubstr("reprise_time_to_first_token_seconds_count 1\n"));
  EXPECT_THAT(metrics, HasSubstr("reprise_slots 1\n"));
  std::istringstream lines(metrics);
  for (std::string each; std::getline(lines, each);) {
    if (each.starts_with("# ")) {
      continue;
    }
    // name{labels} value
    const std::size_t space = each.rfind(' ');
    ASSERT_NE(space, std::string::npos) << each;
    EXPECT_EQ(each.find_first_not_of("abcdefghijklmnopqrstuvwxyz_"), std::min(each.find('{'), space)) << each;
    char* end = nullptr;
    std::strtod(each.c_str() + space + 1, &end);
    EXPECT_EQ(*end, '\0') << each;
  }
}

TEST(HttpServer, ReportsWhatItsHookSays) {
  HttpServerHooks hooks;
  hooks.report = [] { return R"({"calls": 3})"; };
  const RunningServer server(quick_options(), hooks);
  EXPECT_EQ(Json::parse(server.get("/report")->body)["calls"], 3);
}

TEST(HttpServer, AsksForItsTokenBeforeItReadsAnything) {
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

TEST(HttpServer, ABodyThatIsTooLargeIsRefusedUnread) {
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

/// Calls that do not end before they are let go, or wanted no more.
class SlowCalls {
 public:
  HttpServerHooks hooks() {
    HttpServerHooks hooks;
    hooks.generate = [this](Session&, const GenerateRequest& request, GenerateObserver* observer) {
      ++n_begun;
      GenerateResult result;
      result.n_prompt = std::ssize(request.prompt_ids);
      result.finish_reason = FinishReason::stopped;
      if (speaks) {
        observer->on_token({0, 'a', 'a', {}, 0.0});
        result.generated_ids.push_back('a');
      }
      while (!let_go && observer->wants_more()) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
      ++n_ended;
      return result;
    };
    return hooks;
  }
  std::atomic<bool> speaks{false};
  std::atomic<bool> let_go{false};
  std::atomic<int> n_begun{0};
  std::atomic<int> n_ended{0};
};

TEST(HttpServer, AFullLineIs429AndAnAnswerThatTakesTooLong408) {
  SlowCalls slow;
  HttpServerOptions options = quick_options();
  options.slots.max_waiting = 1;
  const RunningServer server(options, slow.hooks());
  std::vector<std::future<httplib::Result>> held;
  for (int i = 0; i < 2; ++i) {
    held.push_back(
        std::async(std::launch::async, [&] { return server.post("/v1/completions", kCompletion.dump()); }));
    wait_until([&] {
      const Json health = Json::parse(server.get("/health")->body);
      return health["busy"].get<int>() + health["waiting"].get<int>() == i + 1;
    });
  }
  const auto refused = server.post("/v1/completions", kCompletion.dump());
  EXPECT_THAT(error_of_answer(refused, 429), HasSubstr("line: expected room"));
  EXPECT_EQ(refused->get_header_value("Retry-After"), "1");
  slow.let_go = true;
  for (auto& each : held) {
    EXPECT_EQ(each.get()->status, 200);
  }

  SlowCalls endless;
  options.max_seconds = 0.05;
  const RunningServer impatient(options, endless.hooks());
  EXPECT_THAT(error_of_answer(impatient.post("/v1/completions", kCompletion.dump()), 408),
              HasSubstr("expected an answer within 0.05 s"));
  wait_until([&] { return endless.n_ended == 1; });
}

/// A connection of our own: the library's client does not hang up in the middle.
int send_raw(int port, const std::string& bytes) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  EXPECT_EQ(send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL), std::ssize(bytes));
  return fd;
}

std::string raw_post(Json body, bool stream) {
  body["stream"] = stream;
  const std::string text = body.dump();
  return "POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: " +
         std::to_string(text.size()) + "\r\n\r\n" + text;
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

TEST(HttpServer, LengthsThatCouldBeReadInTwoWaysEndTheConnection) {
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

TEST(HttpServer, AHeadWithoutEndIsCutOff) {
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

TEST(HttpServer, RangesAreNotServed) {
  const RunningServer server;
  const httplib::Headers ranges = {{"Range", "bytes=0-,0-,0-,0-"}};
  const auto whole = server.get("/v1/models");
  const auto result = server.client().Get("/v1/models", ranges);
  EXPECT_EQ(result->status, 200);
  EXPECT_EQ(result->body, whole->body);
}

TEST(HttpServer, OpenConnectionsKeepNobodyFromBeingAnswered) {
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

TEST(HttpServer, AClientThatHangsUpGivesItsSlotBack) {
  for (const bool stream : {false, true}) {
    for (const bool speaks : {false, true}) {
      SlowCalls slow;
      slow.speaks = speaks;
      const RunningServer server(quick_options(), slow.hooks());
      const int fd = send_raw(server.port(), raw_post(kCompletion, stream));
      wait_until([&] { return slow.n_begun == 1; });
      close(fd);
      wait_until([&] { return slow.n_ended == 1; });
      wait_until([&] { return Json::parse(server.get("/health")->body)["busy"] == 0; });
      EXPECT_THAT(server.get("/metrics")->body, HasSubstr("reprise_cancelled_total 1\n")) << stream << speaks;
    }
  }
}

TEST(HttpServer, AClientThatHangsUpInLineLeavesIt) {
  SlowCalls slow;
  const RunningServer server(quick_options(), slow.hooks());
  const int first = send_raw(server.port(), raw_post(kCompletion, false));
  wait_until([&] { return slow.n_begun == 1; });
  const int second = send_raw(server.port(), raw_post(kCompletion, false));
  const auto waiting = [&] { return Json::parse(server.get("/health")->body)["waiting"].get<int>(); };
  wait_until([&] { return waiting() == 1; });
  close(second);
  wait_until([&] { return waiting() == 0; });
  EXPECT_EQ(slow.n_begun, 1) << "it was never worked for";
  close(first);
}

TEST(HttpServer, GarbageOnAConnectionDoesNotHurtOthers) {
  const RunningServer server;
  for (const std::string& garbage :
       {std::string("\0\0\0\0", 4), std::string("GET"), std::string("GET / HTTP/9.9\r\n\r\n"),
        std::string(100'000, 'x'),
        std::string(
            "POST /v1/completions HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"),
        std::string("POST /v1/completions HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: "
                    "-5\r\n\r\n{}"),
        std::string("POST /v1/completions HTTP/1.1\r\nContent-Type: application/json\r\n"
                    "Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n")}) {
    close(send_raw(server.port(), garbage));
  }
  EXPECT_EQ(server.ask("/v1/completions", kCompletion)["usage"]["completion_tokens"], 40);
}

TEST(HttpServer, AFailedCallIsAnErrorAndNotTheEnd) {
  HttpServerHooks hooks;
  std::atomic<int> n = 0;
  hooks.generate = [&](Session& session, const GenerateRequest& request, GenerateObserver* observer) {
    if (n++ < 2) {
      fail(ErrorCode::invalid_data, "logits: expected finite values, found nan");
    }
    return generate(session, request, observer);
  };
  const RunningServer server(quick_options(), hooks);
  EXPECT_EQ(error_of_answer(server.post("/v1/completions", kCompletion.dump()), 500),
            "logits: expected finite values, found nan");
  Json streamed = kCompletion;
  streamed["stream"] = true;
  EXPECT_EQ(error_of_answer(server.post("/v1/completions", streamed.dump()), 500),
            "logits: expected finite values, found nan")
      << "a stream that never began has a status";
  EXPECT_EQ(server.ask("/v1/completions", kCompletion)["usage"]["completion_tokens"], 40);
}

TEST(HttpServer, StoppingLetsWhatRunsEndWithinTheGraceAndTakesNoMore) {
  for (const bool stream : {false, true}) {
    SlowCalls slow;
    HttpServerOptions options = quick_options();
    options.grace_seconds = 600;
    RunningServer server(options, slow.hooks());
    Json request = kCompletion;
    request["stream"] = stream;
    auto answer =
        std::async(std::launch::async, [&] { return server.post("/v1/completions", request.dump()); });
    wait_until([&] { return slow.n_begun == 1; });
    std::thread stopper([&] { server.stop(); });
    wait_until([&] { return server.get("/health")->status == 503; });
    EXPECT_THAT(error_of_answer(server.post("/v1/completions", kCompletion.dump()), 503),
                HasSubstr("it stops"));
    slow.let_go = true;
    const auto result = answer.get();
    ASSERT_TRUE(result) << to_string(result.error());
    EXPECT_EQ(result->status, 200);
    if (stream) {
      EXPECT_TRUE(result->body.ends_with("data: [DONE]\n\n")) << result->body;
    }
    stopper.join();
  }
}

TEST(HttpServer, StoppingEndsWhatDoesNotEndByItself) {
  SlowCalls endless;
  RunningServer server(quick_options(), endless.hooks());  // no grace
  auto answer =
      std::async(std::launch::async, [&] { return server.post("/v1/completions", kCompletion.dump()); });
  wait_until([&] { return endless.n_begun == 1; });
  server.stop();
  EXPECT_THAT(error_of_answer(answer.get(), 503), HasSubstr("found that it stops"));
}

TEST(HttpServer, AServerThatNeverRanCanBeStopped) {
  HttpServer server(tiny_served(), {.threads = 1}, quick_options(), {});
  server.stop();
  server.run();  // returns at once
}

TEST(HttpServer, APortThatIsTakenIsOneClearLine) {
  const RunningServer server;
  HttpServerOptions options = quick_options();
  options.port = server.port();
  // With the library's own options, two servers share a port and split its clients between them.
  EXPECT_THROW(HttpServer(tiny_served(), {.threads = 1}, options, {}), Error);
  options.port = 0;
  options.host = "256.0.0.1";
  EXPECT_THROW(HttpServer(tiny_served(), {.threads = 1}, options, {}), Error);
}

TEST(HttpServer, ManyClientsAtOnceEachGetTheirOwnAnswer) {
  HttpServerOptions options = quick_options();
  options.slots.n_slots = 2;
  const RunningServer server(options);
  constexpr int kClients = 32;
  std::vector<std::future<bool>> clients;
  for (int i = 0; i < kClients; ++i) {
    clients.push_back(std::async(std::launch::async, [&, i] {
      const std::string prompt = "client " + std::to_string(i % 8);
      const std::string expected = text_after(prompt, 8);
      bool right = true;
      for (int round = 0; round < 4; ++round) {
        const Json request = {{"prompt", prompt}, {"max_tokens", 8}, {"temperature", 2}, {"seed", 7}};
        right = right && server.ask("/v1/completions", request)["choices"][0]["text"] == expected;
      }
      return right;
    }));
  }
  for (auto& client : clients) {
    EXPECT_TRUE(client.get());
  }
  const Json health = Json::parse(server.get("/health")->body);
  EXPECT_EQ(health["busy"], 0);
  EXPECT_EQ(health["waiting"], 0);
}

}  // namespace
}  // namespace reprise::engine
