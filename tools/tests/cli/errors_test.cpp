/// Everything that users get wrong: each is exit code 4 and one line that says what was expected and found.
#include <gtest/gtest.h>

#include <limits>

#include "engine/tests/support/random_model.h"
#include "tools/tests/cli/support/program.h"

namespace reprise::cli {
namespace {

using testing::Arguments;
using testing::CliTest;
using testing::Outcome;
using testing::read_file;
using testing::write_file;

class Errors : public CliTest {
 protected:
  /// `reprise generate` of a synthetic model with these flags.
  void expect_generate_error(const Arguments& flags, const std::vector<std::string>& expected) const {
    Arguments arguments = {"generate", "synthetic:microgpt-tiny", "--capture", "call.safetensors"};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    expect_error(arguments, expected);
  }
  /// `reprise bench` of this specification.
  void expect_spec_error(const std::string& spec, const std::vector<std::string>& expected) const {
    write_file(path("spec.json"), spec);
    std::vector<std::string> all = expected;
    all.emplace_back("reprise: spec.json: ");
    expect_error({"bench", "spec.json", "call.safetensors", "--json", "report.json"}, all);
  }
};

TEST_F(Errors, Commands) {
  expect_error({},
               {"command: expected one of generate, chat, serve, capture, replay, bench, profile, tokenize, model, "
                "compare, gate, doctor, history, report, found nothing"});
  expect_error({"replai", "x"}, {"command: ", "found 'replai'", "(see reprise --help)"});
  expect_error({"--bogus"}, {"command: ", "found '--bogus'"});
  expect_error({"capture"}, {"capture: expected one of show, verify, list, diff, trim, redact, select, import, "
                             "export, found nothing"});
  expect_error({"capture", "open"}, {"found 'open'", "(see reprise capture --help)"});
  expect_error({"generate"}, {"MODEL: expected one, found nothing", "(see reprise generate --help)"});
  expect_error({"replay"}, {"FILE: expected one"});
  expect_error({"replay", "--treads", "2", "call.safetensors"}, {"--treads"});
  expect_error({"profile", "a.safetensors", "b.safetensors"}, {"b.safetensors"});
}

TEST_F(Errors, Gpus) {
  expect_generate_error({"--prompt-ids", "1", "--backend", "hip", "--isa", "gfx000"},
                        {"placement: isa: expected a device of the architecture gfx000, found "});
  expect_generate_error({"--prompt-ids", "1", "--backend", "hip-emulated", "--threads", "2"},
                        {"placement: threads: expected 1 with backend hip-emulated, found 2"});
}

TEST_F(Errors, AGpuThatFailsLeavesNoReport) {
  ASSERT_EQ(run({"generate", "synthetic:microgpt-tiny", "--prompt-ids", "1,2,3", "--max-new-tokens", "4",
                 "--capture", "call.safetensors"})
                .exit_code,
            0);
  write_file(path("spec.json"), R"({"schema": "reprise.spec/1", "name": "gpu",
                                        "placements": [{"backend": ["cpu", "hip-emulated"]}]})");
  for (const char* failure :
       {"hipMalloc 3", "launch 20", "launch 200", "hipStreamSynchronize 30", "hipGraphLaunch 2"}) {
    setenv("REPRISE_EMULATED_FAILURE", failure, 1);
    expect_error(
        {"bench", "spec.json", "call.safetensors", "--json", "report.json"},
        {"gpu: ", "(engine/kernels/hip/", "expected success, found hipErrorLaunchFailure: a kernel failed"});
    EXPECT_FALSE(std::filesystem::exists(path("report.json"))) << failure;
  }
  unsetenv("REPRISE_EMULATED_FAILURE");
}

TEST_F(Errors, Models) {
  write_file(path("file"), "x");
  std::filesystem::create_directory(path("empty"));
  const Arguments prompt = {"--prompt-ids", "1"};
  const auto expect_model_error = [&](const std::string& model, const std::vector<std::string>& expected) {
    expect_error({"generate", model, "--prompt-ids", "1"}, expected);
  };
  expect_model_error("missing",
                     {"missing: model: expected a Hugging Face folder, a .gguf file, a llama2.c checkpoint, "
                      "synthetic:NAME or builtin:NAME, found nothing"});
  expect_model_error(
      "file", {"file: header: expected a model: a GGUF file or a llama2.c checkpoint", "found 1 bytes"});
  expect_model_error("empty", {"empty/config.json"});
  expect_model_error("synthetic:nope", {"expected synthetic:NAME", "microgpt-tiny", "found nope"});
  expect_model_error("two\nlines", {"two\\x0alines"});
}

TEST_F(Errors, Prompts) {
  expect_generate_error({}, {"--prompt TEXT or --prompt-ids 1,2,3", "found neither"});
  expect_generate_error({"--prompt", ""}, {"found an empty text"});
  expect_generate_error({"--prompt", "a", "--prompt-ids", "1"}, {"--prompt excludes --prompt-ids"});
  for (const char* ids : {"", ",", "1,,2", "1,x", "1,2,", "1, 2", "x", "1.5", "99999999999"}) {
    expect_generate_error(
        {"--prompt-ids", ids},
        {"--prompt-ids: expected token ids separated by commas, found '" + std::string(ids) + "'"});
  }
  expect_generate_error({"--prompt-ids", "1,300"}, {"prompt_ids[1]", "300"});
  expect_generate_error({"--prompt-ids", "-1"}, {"prompt_ids[0]", "-1"});
  std::string long_prompt = "1";
  for (int i = 0; i < 128; ++i) {
    long_prompt += ",1";
  }
  expect_generate_error({"--prompt-ids", long_prompt}, {"prompt: expected at most 128 tokens", "found 129"});
}

TEST_F(Errors, GenerateFlags) {
  struct Case {
    Arguments flags;
    std::vector<std::string> expected;
  };
  const Case cases[] = {
      {{"--cached", "3"}, {"--cached: expected 0 to 2", "found 3"}},
      {{"--cached", "-1"}, {"--cached", "found -1"}},
      {{"--cached", "1", "--kv-cache", "off"}, {"--cached: expected 0 with --kv-cache off, found 1"}},
      {{"--temperature", "-1"}, {"temperature: expected 0 (greedy) or a positive number, found -1"}},
      {{"--temperature", "nan"}, {"temperature", "found nan"}},
      {{"--temperature", "hot"}, {"--temperature: expected a number, found 'hot'"}},
      {{"--top-p", "0"}, {"top_p: expected a number above 0, at most 1, found 0"}},
      {{"--top-k", "-1"}, {"top_k", "found -1"}},
      {{"--min-p", "2"}, {"min_p", "found 2"}},
      {{"--repetition-penalty", "0"}, {"repetition_penalty", "found 0"}},
      {{"--seed", "-1"}, {"--seed: expected a whole number from 0", "found '-1'"}},
      {{"--max-new-tokens", "0"}, {"max_new_tokens: expected at least 1, found 0"}},
      {{"--max-new-tokens", "1e3"}, {"--max-new-tokens: expected a whole number, found '1e3'"}},
      {{"--max-new-tokens"}, {"--max-new-tokens: expected a value, found nothing"}},
      {{"--prefill-chunk", "0"}, {"--prefill-chunk: expected at least 1, found 0"}},
      {{"--json", "file"}, {"file"}},
  };
  for (const Case& c : cases) {
    Arguments flags = {"--prompt-ids", "1,2,3"};
    flags.insert(flags.end(), c.flags.begin(), c.flags.end());
    expect_generate_error(flags, c.expected);
  }
}

TEST_F(Errors, Placements) {
  struct Case {
    Arguments flags;
    std::vector<std::string> expected;
  };
  const Case cases[] = {
    {{"--backend", "gpu"}, {"--backend: expected one of reference, cpu, hip, hip-emulated, found 'gpu'"}},
    {{"--isa", "sse"},
     {"--isa: expected one of auto, scalar, avx2, avx512, avx512_vnni, amx, neon, found 'sse'"}},
    {{"--precision", "f64"}, {"--precision: expected one of native, f32, f16, bf16", "found 'f64'"}},
    {{"--kv-cache", "maybe"}, {"--kv-cache: expected one of on, off, found 'maybe'"}},
    {{"--kv-precision", "f64"}, {"--kv-precision: expected one of f32, f16, bf16", "found 'f64'"}},
    {{"--threads", "-1"}, {"--threads: expected 0 (all) to 1024, found '-1'"}},
    {{"--threads", "two"}, {"--threads", "found 'two'"}},
    {{"--threads", "1025"}, {"--threads", "found '1025'"}},
    {{"--numerics", "sloppy"}, {"--numerics: expected one of exact, fast", "found 'sloppy'"}},
    {{"--backend", "reference", "--threads", "2"}, {"threads: expected 1 with backend reference, found 2"}},
    {{"--backend", "reference", "--isa", "avx2"}, {"isa: expected auto or scalar with backend reference"}},
#if defined(__x86_64__)
    {{"--isa", "neon"}, {"isa: expected one that this machine has (scalar", "found neon"}},
#else
    {{"--isa", "avx2"}, {"isa: expected one that this machine has (scalar", "found avx2"}},
#endif
  };
  make_capture("whole.safetensors");
  for (const Case& c : cases) {
    Arguments flags = {"--prompt-ids", "1,2,3"};
    flags.insert(flags.end(), c.flags.begin(), c.flags.end());
    expect_generate_error(flags, c.expected);
  }
  expect_error({"replay", "whole.safetensors", "--kv-cache", "1"}, {"--kv-cache: expected one of on, off"});
  expect_error({"profile", "whole.safetensors", "--backend", "tpu"}, {"--backend: expected one of"});
}

TEST_F(Errors, CaptureFiles) {
  make_capture("whole.safetensors");
  const std::string whole = read_file(path("whole.safetensors"));
  write_file(path("cut.safetensors"), whole.substr(0, whole.size() - 1));
  write_file(path("short.safetensors"), whole.substr(0, 500));
  write_file(path("empty.safetensors"), "");
  std::string flipped = whole;
  flipped[whole.size() * 2 / 3] = static_cast<char>(flipped[whole.size() * 2 / 3] ^ 4);
  write_file(path("flipped.safetensors"), flipped);
  reprise::testing::Random random(3);
  reprise::testing::random_model(reprise::testing::random_config("microgpt", false, random), 5)
      .write(path("model"));
  write_file(path("spec.json"), R"({"schema": "reprise.spec/1", "name": "s", "placements": [{}]})");
  for (const char* file : {"missing.safetensors", "cut.safetensors", "short.safetensors", "empty.safetensors",
                           "flipped.safetensors", "model/model.safetensors", "model", "spec.json"}) {
    const std::vector<std::string> expected = {"reprise: " + std::string(file)};
    expect_error({"capture", "show", file}, expected);
    expect_error({"capture", "verify", file}, expected);
    expect_error({"replay", file, "--json", "report.json"}, expected);
    expect_error({"profile", file}, expected);
    expect_error({"bench", "spec.json", file}, expected);
  }
  expect_error({"capture", "list", "missing"}, {"reprise: missing: "});
}

TEST_F(Errors, ModelsWithAnotherDigest) {
  make_capture("whole.safetensors");
  // Both digests, so that the user can tell which file is the wrong one.
  expect_error(
      {"replay", "whole.safetensors", "--model", "synthetic:qwen3-tiny"},
      {"synthetic:qwen3-tiny: model digest: expected "
       "041428df1ba34659a216c649b1f6e5b5fccfc00e5ccc5355594b10b15a"
       "07660f as captured, found 754c0af89c451ba108dcf8b810a9e78c1ba64586b15f00df6617f2c9d3882a35"});
  expect_error({"replay", "whole.safetensors", "--model", "missing"}, {"missing: model: expected"});
}

TEST_F(Errors, ModelsThatAreGone) {
  reprise::testing::Random random(3);
  reprise::testing::random_model(reprise::testing::random_config("llama", false, random), 5)
      .write(path("model"));
  const Outcome made = run({"generate", "model", "--prompt-ids", "1,2", "--capture", "call.safetensors"});
  ASSERT_EQ(made.exit_code, 0) << made.err;
  std::filesystem::rename(path("model"), path("moved"));
  expect_error({"replay", "call.safetensors"},
               {"model model (llama): expected digest ", "found no such model", "--model"});
}

TEST_F(Errors, WeightsThatAreNotNumbers) {
  reprise::testing::Random random(3);
  auto model = reprise::testing::random_model(reprise::testing::random_config("llama", false, random), 5);
  for (auto& [name, tensor] : model.tensors) {
    tensor.set(0, std::numeric_limits<float>::quiet_NaN());
  }
  model.write(path("model"));
  expect_error({"generate", "model", "--prompt-ids", "1,2", "--capture", "call.safetensors"},
               {"model: ", "expected finite weights", "nan"});
}

TEST_F(Errors, TextForAModelWithoutTokenizer) {
  reprise::testing::Random random(3);
  reprise::testing::random_model(reprise::testing::random_config("llama", false, random), 5)
      .write(path("model"));
  expect_error({"generate", "model", "--prompt", "hello"},
               {"model: tokenizer: expected one with the weights, found none; use --prompt-ids"});
}

TEST_F(Errors, MeasuringFlags) {
  make_capture("whole.safetensors");
  struct Case {
    Arguments flags;
    std::vector<std::string> expected;
  };
  const Case cases[] = {
      {{"--budget", "-1"}, {"--budget: expected a number above 0, found -1"}},
      {{"--budget", "nan"}, {"--budget: expected a number above 0, found nan"}},
      {{"--target", "0"}, {"--target: expected a number between 0 and 1, found 0"}},
      {{"--confidence", "2"}, {"--confidence: expected a number from 0.5 to 0.999, found 2"}},
      {{"--min-seconds", "-1"}, {"--min-seconds: expected"}},
      {{"--min-runs", "-1"}, {"--min-runs: expected a whole number from 1", "found '-1'"}},
      {{"--min-runs", "0"}, {"--min-runs: expected a whole number from 1", "found '0'"}},
      {{"--free", "--forced"}, {"--forced excludes --free"}}};
  for (const Case& c : cases) {
    Arguments arguments = {"replay", "whole.safetensors"};
    arguments.insert(arguments.end(), c.flags.begin(), c.flags.end());
    expect_error(arguments, c.expected);
  }
  expect_error({"profile", "whole.safetensors", "--runs", "0"},
               {"--runs: expected a whole number from 1 to 1000"});
}

TEST_F(Errors, OutputsThatCannotBeWritten) {
  make_capture("whole.safetensors");
  write_file(path("file"), "");
  write_file(path("spec.json"), R"({"schema": "reprise.spec/1", "name": "s", "placements": [{}]})");
  for (const char* target : {"missing/report.json", "file/report.json", "."}) {
    expect_error({"replay", "whole.safetensors", "--json", target}, {std::string(target) + ": "});
    expect_error({"profile", "whole.safetensors", "--json", target}, {std::string(target) + ": "});
    expect_error({"bench", "spec.json", "whole.safetensors", "--markdown", target},
                 {std::string(target) + ": "});
  }
  expect_error({"replay", "whole.safetensors", "--json", "-", "--markdown", "-"},
               {"--markdown: expected a file"});
}

TEST_F(Errors, Specifications) {
  write_file(path("call.safetensors"), "");
  expect_error({"bench", "missing.json", "call.safetensors"}, {"reprise: missing.json: "});
  expect_error({"bench", ".", "call.safetensors"}, {"reprise: .: "});
  expect_spec_error("{", {"expected JSON"});
  expect_spec_error("[]", {"expected object, found array"});
  expect_spec_error(R"({"schema": "reprise.spec/2", "name": "s", "placements": [{}]})",
                    {"schema: expected reprise.spec/1, found reprise.spec/2"});
  expect_spec_error(
      R"({"schema": "reprise.spec/1", "name": "s", "placements": [{}], "placement": [{}]})",
      {"placement: expected one of the keys captures, description, measure", "found an unknown key"});
  expect_spec_error(
      R"({"schema": "reprise.spec/1", "name": "s", "placements": [{"backend": "reference", "threads": 2}]})",
      {"placements[0].threads: expected 1 with backend reference, found 2"});
  write_file(path("spec.json"), R"({"schema": "reprise.spec/1", "name": "s", "placements": [{}]})");
  expect_error({"bench", "spec.json"}, {"spec.json: captures: expected at least one", "found none"});
}

}  // namespace
}  // namespace reprise::cli
