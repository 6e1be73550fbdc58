/// Files whose digest is valid and whose content is not: each is refused by its own line.
#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <functional>
#include <limits>

#include "engine/tests/capture/capture_fixtures.h"
#include "engine/tests/capture/edited_capture.h"
#include "engine/tests/io/io_test_support.h"

namespace reprise::engine {
namespace {

using Edit = std::function<void(EditedCapture&)>;

/// microgpt-tiny: vocabulary 300, 2 layers, 3 key-value heads of 12, context 128. 4 prompt tokens, 1 of them
/// cached; 3 generated ones with 2 top logits each.
class CaptureRefusal : public ::testing::Test {
 protected:
  CaptureRefusal() {
    Call call(kMicrogpt, 4, 3, 1);
    call.options.n_top = 2;
    write_capture(call.record(), path_);
    good_ = read_raw(path_);
  }

  /// What read_capture says of the file after `edit`, without the file's name, which must come first.
  std::string refusal(const Edit& edit) {
    EditedCapture edited(good_);
    edit(edited);
    write_raw(path_, edited.assembled());
    ErrorCode code{};
    const std::string line = error_of([&] { read_capture(path_); }, &code);
    EXPECT_TRUE(code == ErrorCode::invalid_data || code == ErrorCode::not_found ||
                code == ErrorCode::unsupported);
    const std::string prefix = path_.string() + ": ";
    EXPECT_TRUE(line.starts_with(prefix)) << line;
    return line.substr(std::min(prefix.size(), line.size()));
  }
  std::string metadata_refusal(const std::string& key, const std::string& value) {
    return refusal([&](EditedCapture& e) { e.set_metadata(key, value); });
  }
  std::string member_refusal(const std::string& key, const std::string& member, const nlohmann::json& value) {
    return refusal([&](EditedCapture& e) { e.set_member(key, member, value); });
  }

  ScratchFolder folder_;
  std::filesystem::path path_ = folder_ / "call.safetensors";
  std::string good_;
};

/// Everything below changes one thing of a file that is accepted when put together unchanged.
TEST_F(CaptureRefusal, UnchangedIsAccepted) {
  const Capture before = read_capture(path_);
  write_raw(path_, EditedCapture(good_).assembled());
  expect_same(read_capture(path_), before);
}

TEST_F(CaptureRefusal, Format) {
  EXPECT_EQ(metadata_refusal("format", "pt"), "format: expected reprise.capture, found pt");
  EXPECT_EQ(metadata_refusal("format", "a\nb"), "format: expected reprise.capture, found a\\x0ab");
}

TEST_F(CaptureRefusal, Version) {
  for (const char* version :
       {"2.0", "0.9", "x", "", "1", "-1.0", " 1.0", "11.0", "99999999999.0", "1.", "1.x", "1.0.0"}) {
    EXPECT_EQ(metadata_refusal("version", version), std::string("version: expected 1.x, found ") + version);
  }
}

/// A later minor version adds what may be ignored.
TEST_F(CaptureRefusal, ALaterMinorVersionWithMoreFieldsIsRead) {
  EditedCapture edited(good_);
  edited.set_metadata("version", "1.12");
  edited.set_metadata("new", "entry");
  edited.set_member("request", "new", {1, 2});
  edited.set_member("placement", "new", "x");
  write_raw(path_, edited.assembled());
  EXPECT_EQ(read_capture(path_).n_prompt(), 4);
}

TEST_F(CaptureRefusal, Requires) {
  EXPECT_EQ(metadata_refusal("requires", R"(["kv_rows","quantum"])"),
            R"(requires: expected features this version knows (kv_rows), found "quantum")");
  EXPECT_EQ(metadata_refusal("requires", R"(["kv_rows", 1])"),
            "requires: expected features this version knows (kv_rows), found 1");
  EXPECT_EQ(metadata_refusal("requires", "{}"), "requires: expected a list of features, found object");
  EXPECT_EQ(metadata_refusal("requires", "kv_rows"),
            "requires: expected JSON, found a syntax error at byte 1");
}

TEST_F(CaptureRefusal, EveryMetadataEntryMustBeThere) {
  for (const std::string key : {"format", "version", "requires", "model", "model_config", "request", "result",
                                "placement", "build", "machine", "created", "policy"}) {
    EXPECT_EQ(refusal([&](EditedCapture& e) { e.remove_metadata(key); }),
              key + ": expected a metadata entry, found nothing");
  }
}

TEST_F(CaptureRefusal, EveryMemberMustBeThere) {
  for (const std::string key : {"model", "request", "result", "placement", "build"}) {
    const auto object = nlohmann::json::parse(EditedCapture(good_).metadata(key));
    EXPECT_GE(object.size(), 5U);
    for (const auto& [member, value] : object.items()) {
      const std::string line = refusal([&, name = member](EditedCapture& e) { e.remove_member(key, name); });
      EXPECT_THAT(line, ::testing::MatchesRegex(key + "\\." + member + ": expected .+, found nothing"));
      const std::string mistyped = member_refusal(key, member, nlohmann::json::object());
      EXPECT_THAT(mistyped, ::testing::MatchesRegex(key + "\\." + member + ": expected .+, found object"));
    }
  }
}

TEST_F(CaptureRefusal, EverySectionMustBeAnObject) {
  for (const std::string key : {"model", "request", "result", "placement", "build"}) {
    EXPECT_EQ(metadata_refusal(key, "[]"), key + ": expected object, found array");
    EXPECT_EQ(metadata_refusal(key, "{\"a\":NaN}"), key + ": expected JSON, found a syntax error at byte 6");
    EXPECT_EQ(metadata_refusal(key, "{\"a\":1e999}"), key + ": expected JSON, found a number out of range");
    EXPECT_EQ(metadata_refusal(key, std::string("{}\0", 3)),
              key + ": expected JSON, found a zero byte at byte 2");
    EXPECT_EQ(metadata_refusal(key, "{\"a\":1,\"a\":2}"),
              key + ": expected the key 'a' once in its object, found it twice");
    EXPECT_EQ(metadata_refusal(key, std::string(100'000, '[')),
              key + ": expected JSON nested at most 64 deep, found deeper");
  }
  EXPECT_EQ(metadata_refusal("machine", "[]"), "machine: expected a JSON object, found something else");
  EXPECT_EQ(metadata_refusal("machine", "nonsense"),
            "machine: expected JSON, found a syntax error at byte 2");
}

TEST_F(CaptureRefusal, Seed) {
  for (const char* seed : {"", "x", "-1", "+1", " 1", "1 ", "1.0", "0x10", "18446744073709551616"}) {
    EXPECT_EQ(member_refusal("request", "seed", seed),
              std::string("request.seed: expected a decimal number below 2^64 as a string, found ") + seed);
  }
  EXPECT_EQ(member_refusal("request", "seed", 7), "request.seed: expected string, found number");
}

TEST_F(CaptureRefusal, Counts) {
  EXPECT_EQ(member_refusal("request", "max_new_tokens", -1),
            "request.max_new_tokens: expected whole number from 0 to 9223372036854775807, found -1");
  EXPECT_EQ(member_refusal("request", "top_k", 1.5), "request.top_k: expected whole number, found 1.5");
  EXPECT_EQ(member_refusal("request", "eos_ids", {1, 2147483648}),
            "request.eos_ids[1]: expected whole number from 0 to 2147483647, found 2147483648");
  EXPECT_EQ(member_refusal("placement", "threads", 4294967296),
            "placement.threads: expected whole number from 0 to 2147483647, found 4294967296");
  EXPECT_EQ(member_refusal("result", "finish_reason", "bored"),
            "result.finish_reason: expected eos|length|context_full, found bored");
  EXPECT_EQ(member_refusal("model", "files", {{{"name", "a"}, {"sha256", 1}}}),
            "model.files[0].sha256: expected string, found number");
}

TEST_F(CaptureRefusal, ContradictoryCounts) {
  const std::string expected =
      "result: expected 0 <= n_cached < n_prompt, 1 <= n_generated and n_top <= n_vocab, found ";
  EXPECT_THAT(member_refusal("result", "n_cached", 4),
              ::testing::StartsWith(expected + R"({"n_cached":4,"n_prompt":4,)"));
  EXPECT_THAT(member_refusal("result", "n_cached", 5), ::testing::StartsWith(expected));
  EXPECT_THAT(member_refusal("result", "n_prompt", 0), ::testing::StartsWith(expected));
  EXPECT_THAT(member_refusal("result", "n_generated", 0), ::testing::StartsWith(expected));
  EXPECT_THAT(member_refusal("result", "n_top", 301), ::testing::StartsWith(expected));
}

/// Extents far beyond the file are compared with the tensors before anything is allocated for them.
TEST_F(CaptureRefusal, CountsBeyondTheTensors) {
  constexpr std::int64_t kHuge = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(member_refusal("result", "n_generated", kHuge),
            "generated_ids: expected i64 [9223372036854775807], found i64 [3]");
  EXPECT_EQ(member_refusal("result", "n_top", 300), "steps.top_ids: expected i64 [3, 300], found i64 [3, 2]");
  EXPECT_EQ(member_refusal("result", "n_cached", 2),
            "kv.keys: expected f32 [2, 3, 2, 12], found f32 [2, 3, 1, 12]");
  EXPECT_EQ(member_refusal("result", "n_prompt", 5), "prompt_ids: expected i64 [5], found i64 [4]");
}

TEST_F(CaptureRefusal, TensorOfAnotherTypeOrShape) {
  const std::map<std::string, std::string> kinds = {
      {"prompt_ids", "i64 [4]"},          {"generated_ids", "i64 [3]"},
      {"steps.logits_xxh3", "u64 [3]"},   {"steps.top_ids", "i64 [3, 2]"},
      {"steps.top_logits", "f32 [3, 2]"}, {"steps.logsumexp", "f64 [3]"},
      {"steps.seconds", "f64 [3]"},       {"kv.keys", "f32 [2, 3, 1, 12]"},
      {"kv.values", "f32 [2, 3, 1, 12]"}};
  for (const auto& [name, kind] : kinds) {
    SCOPED_TRACE(name);
    const std::string expected = name + ": expected " + kind + ", found ";
    const auto flat = [&](EditedCapture& e, const char* dtype, std::size_t width) {
      e.header[name]["dtype"] = dtype;
      e.header[name]["shape"] = {e.data.at(name).size() / width};
    };
    const auto bytes = std::to_string(EditedCapture(good_).data.at(name).size());
    if (name == "kv.keys") {
      EXPECT_EQ(refusal([&](EditedCapture& e) { flat(e, "U8", 1); }),
                "kv.keys: expected f32 by the placement, found u8");
    } else {
      EXPECT_EQ(refusal([&](EditedCapture& e) { flat(e, "U8", 1); }), expected + "u8 [" + bytes + "]");
    }
    const std::string grown = kind.substr(0, kind.find('[')) + "[1, ";
    EXPECT_EQ(refusal([&](EditedCapture& e) {
                auto& shape = e.header[name]["shape"];
                shape.insert(shape.begin(), 1);
              }),
              expected + grown + kind.substr(kind.find('[') + 1));
    const std::string missing = refusal([&](EditedCapture& e) { e.remove_tensor(name); });
    EXPECT_THAT(missing, ::testing::HasSubstr(name));
    EXPECT_THAT(missing, ::testing::HasSubstr("expected"));
  }
}

/// An empty tensor may claim any other extent without a byte behind it.
TEST_F(CaptureRefusal, HugeExtentsOfEmptyTensors) {
  for (const std::string name : {"prompt_ids", "steps.top_logits", "kv.keys"}) {
    const std::string line = refusal([&](EditedCapture& e) {
      e.header[name]["shape"] = {0, std::int64_t{1} << 50};
      e.data.at(name).clear();
    });
    EXPECT_THAT(line, ::testing::StartsWith(name + ": expected "));
    EXPECT_THAT(line, ::testing::HasSubstr("found "));
    EXPECT_THAT(line, ::testing::EndsWith(" [0, 1125899906842624]"));
  }
  EXPECT_EQ(
      refusal([&](EditedCapture& e) {
        e.header["prompt_ids"]["shape"] = {0, std::int64_t{1} << 62, 4};
        e.data.at("prompt_ids").clear();
      }),
      "tensor 'prompt_ids': shape: expected less than 2^63 bytes, found I64 [0, 4611686018427387904, 4]");
}

TEST_F(CaptureRefusal, TokenIdsOutsideTheVocabulary) {
  for (const std::string name : {"prompt_ids", "generated_ids", "steps.top_ids"}) {
    for (const std::int64_t id :
         {std::int64_t{300}, std::int64_t{-1}, std::int64_t{1} << 32, std::int64_t{1} << 63}) {
      EXPECT_EQ(refusal([&](EditedCapture& e) { e.set_element(name, 2, id); }),
                name + ": expected token ids below 300, found " + std::to_string(id));
    }
  }
}

/// Not numbers would hide in every later maximum and sum.
TEST_F(CaptureRefusal, StepsThatAreNotFinite) {
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    const std::string found = std::isnan(bad) ? "nan" : "inf";
    EXPECT_EQ(refusal([&](EditedCapture& e) { e.set_element("steps.top_logits", 3, bad); }),
              "steps.top_logits: expected finite values, found " + found);
    for (const std::string name : {"steps.logsumexp", "steps.seconds"}) {
      EXPECT_EQ(refusal([&](EditedCapture& e) { e.set_element(name, 1, static_cast<double>(bad)); }),
                name + ": expected finite values, found " + found);
    }
  }
}

TEST_F(CaptureRefusal, KvPrecision) {
  EXPECT_EQ(member_refusal("placement", "kv_precision", "f16"),
            "kv.keys: expected f16 by the placement, found f32");
  for (const char* name : {"f8", "", "f64", "i64", "boolean"}) {
    EXPECT_EQ(member_refusal("placement", "kv_precision", name),
              std::string("placement.kv_precision: expected f32, f16, bf16 or int8, found ") + name);
  }
}

TEST_F(CaptureRefusal, ModelConfig) {
  EXPECT_EQ(metadata_refusal("model_config", "x"),
            "model_config: expected JSON, found a syntax error at byte 1");
  EXPECT_EQ(metadata_refusal("model_config", "[]"),
            "model_config: expected a JSON object, found something else");
  EXPECT_EQ(member_refusal("model_config", "model_type", "mamba"),
            "model_config: model_type: expected one of qwen3, qwen2, llama, gpt2, microgpt, found \"mamba\"");
  EXPECT_EQ(member_refusal("model_config", "n_layer", 9223372036854775807),
            "model_config: n_layer: expected an integer from 1 to 67108864, found 9223372036854775807");
  EXPECT_EQ(member_refusal("model_config", "n_layer", 67108864),
            "model_config: n_layer: expected at most 4096 layers, found 67108864");
  EXPECT_EQ(member_refusal("model_config", "vocab_size", 67108864 + 1),
            "model_config: vocab_size: expected an integer from 1 to 67108864, found 67108865");
  EXPECT_EQ(member_refusal("model_config", "n_layer", 4096),
            "kv.keys: expected f32 [4096, 3, 1, 12], found f32 [2, 3, 1, 12]");
  EXPECT_EQ(member_refusal("model_config", "n_embd", 67108863),
            "kv.keys: expected f32 [2, 3, 1, 22369621], found f32 [2, 3, 1, 12]");
}

TEST_F(CaptureRefusal, Trailer) {
  EXPECT_EQ(refusal([](EditedCapture& e) { e.remove_tensor("digest.sha256"); }),
            "digest.sha256: expected the file's last tensor, found another, or none");
  EXPECT_EQ(refusal([](EditedCapture& e) {
              e.header["digest.sha256"]["shape"] = {4, 8};
            }),
            "digest.sha256: expected u8 [32], found u8 [4, 8]");
  EXPECT_EQ(refusal([](EditedCapture& e) { e.header["digest.sha256"]["dtype"] = "I8"; }),
            "digest.sha256: expected u8 [32], found i8 [32]");
  EXPECT_EQ(refusal([](EditedCapture& e) {
              e.data.at("digest.sha256").resize(31);
              e.header["digest.sha256"]["shape"] = {31};
            }),
            "digest.sha256: expected u8 [32], found u8 [31]");
  EXPECT_EQ(refusal([](EditedCapture& e) {
              e.header["after"] = {{"dtype", "U8"}, {"shape", {1}}, {"data_offsets", {0, 0}}};
              e.data["after"] = "x";
            }),
            "digest.sha256: expected the file's last tensor, found another, or none");
}

/// The claims above in a process that may hardly grow: refused, not allocated.
TEST_F(CaptureRefusal, AllocatesNoMoreThanTheFileIsLarge) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "the sanitizer's own address space leaves nothing to limit";
#else
  const std::vector<Edit> edits = {
      [](EditedCapture& e) { e.set_member("result", "n_generated", std::int64_t{1} << 40); },
      [](EditedCapture& e) { e.set_member("result", "n_generated", 1 << 26); },
      [](EditedCapture& e) { e.set_member("result", "n_top", 300); },
      [](EditedCapture& e) { e.set_member("model_config", "n_layer", 4096); },
      [](EditedCapture& e) { e.set_member("model_config", "n_embd", 67108863); },
      [](EditedCapture& e) {
        e.header["steps.top_logits"]["shape"] = {0, std::int64_t{1} << 50};
        e.data.at("steps.top_logits").clear();
      }};
  for (const Edit& edit : edits) {
    EditedCapture edited(good_);
    edit(edited);
    write_raw(path_, edited.assembled());
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      std::size_t pages = 0;
      std::ifstream("/proc/self/statm") >> pages;
      const rlim_t most = pages * static_cast<rlim_t>(::sysconf(_SC_PAGESIZE)) + (rlim_t{16} << 20);
      const rlimit limit = {most, most};
      ::setrlimit(RLIMIT_AS, &limit);
      try {
        read_capture(path_);
      } catch (const Error&) {
        ::_exit(0);
      } catch (...) {
        ::_exit(1);
      }
      ::_exit(2);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  }
#endif
}

}  // namespace
}  // namespace reprise::engine
