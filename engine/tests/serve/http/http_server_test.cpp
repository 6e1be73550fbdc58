/// The server's answers as clients see them: whole and streamed, and what it tells of itself.
#include "engine/serve/http/http_server.h"

#include <cstdlib>
#include <future>
#include <sstream>

#include "engine/generate/generate.h"
#include "engine/tests/serve/http/server_fixture.h"
#include "engine/text/chat_reply.h"

namespace reprise::engine {
namespace {

using ::testing::HasSubstr;

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
