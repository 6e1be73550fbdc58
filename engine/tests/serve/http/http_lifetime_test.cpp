/// Requests that wait, take too long, fail, or are left by their clients; and how the server ends.
#include <atomic>
#include <future>

#include "engine/generate/generate.h"
#include "engine/serve/http/http_server.h"
#include "engine/tests/serve/http/server_fixture.h"

namespace reprise::engine {
namespace {

using ::testing::HasSubstr;

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

TEST(HttpLifetime, AFullLineIs429AndAnAnswerThatTakesTooLong408) {
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

std::string raw_post(Json body, bool stream) {
  body["stream"] = stream;
  const std::string text = body.dump();
  return "POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: " +
         std::to_string(text.size()) + "\r\n\r\n" + text;
}

TEST(HttpLifetime, AClientThatHangsUpGivesItsSlotBack) {
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

TEST(HttpLifetime, AClientThatHangsUpInLineLeavesIt) {
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

TEST(HttpLifetime, GarbageOnAConnectionDoesNotHurtOthers) {
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

TEST(HttpLifetime, AFailedCallIsAnErrorAndNotTheEnd) {
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

TEST(HttpLifetime, StoppingLetsWhatRunsEndWithinTheGraceAndTakesNoMore) {
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

TEST(HttpLifetime, StoppingEndsWhatDoesNotEndByItself) {
  SlowCalls endless;
  RunningServer server(quick_options(), endless.hooks());  // no grace
  auto answer =
      std::async(std::launch::async, [&] { return server.post("/v1/completions", kCompletion.dump()); });
  wait_until([&] { return endless.n_begun == 1; });
  server.stop();
  EXPECT_THAT(error_of_answer(answer.get(), 503), HasSubstr("found that it stops"));
}

TEST(HttpLifetime, AServerThatNeverRanCanBeStopped) {
  HttpServer server(tiny_served(), {.threads = 1}, quick_options(), {});
  server.stop();
  server.run();  // returns at once
}

TEST(HttpLifetime, APortThatIsTakenIsOneClearLine) {
  const RunningServer server;
  HttpServerOptions options = quick_options();
  options.port = server.port();
  // With the library's own options, two servers share a port and split its clients between them.
  EXPECT_THROW(HttpServer(tiny_served(), {.threads = 1}, options, {}), Error);
  options.port = 0;
  options.host = "256.0.0.1";
  EXPECT_THROW(HttpServer(tiny_served(), {.threads = 1}, options, {}), Error);
}

}  // namespace
}  // namespace reprise::engine
