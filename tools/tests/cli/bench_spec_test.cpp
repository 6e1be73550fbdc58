/// parse_bench_spec: what a specification means, and what it refuses.
#include "tools/cli/bench_spec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "engine/core/error.h"
#include "harness/tests/support/json_schema.h"
#include "tools/tests/cli/support/program.h"

namespace reprise::cli {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// The smallest specification, with `more` put in place.
json spec_with(const json& more) {
  json spec = {{"schema", "reprise.spec/1"}, {"name", "s"}, {"placements", json::array({json::object()})}};
  if (more.is_object()) {
    spec.update(more);
  }
  return spec;
}

BenchSpec parse(const json& more) {
  return parse_bench_spec(spec_with(more).dump(), "s.json", "/folder");
}

std::vector<std::string> described(const json& placements) {
  std::vector<std::string> lines;
  for (const engine::Placement& placement : parse({{"placements", placements}}).placements) {
    lines.push_back(describe(placement));
  }
  return lines;
}

std::string error_of(const std::string& text) {
  try {
    (void)parse_bench_spec(text, "s.json", "/folder");
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

std::string error_with(const json& more) {
  return error_of(spec_with(more).dump());
}

TEST(BenchSpec, HasDefaults) {
  const BenchSpec spec = parse({});
  const harness::MedianRuleOptions defaults;
  EXPECT_EQ(spec.name, "s");
  EXPECT_TRUE(spec.captures.empty());
  EXPECT_EQ(spec.placements, std::vector{resolved(engine::Placement{})});
  EXPECT_FALSE(spec.mode.has_value());
  EXPECT_EQ(spec.seed, 1U);
  EXPECT_FALSE(spec.profile);
  EXPECT_EQ(spec.measure.warmup_runs, defaults.warmup_runs);
  EXPECT_EQ(spec.measure.min_runs, defaults.min_runs);
  EXPECT_EQ(spec.measure.max_runs, defaults.max_runs);
  EXPECT_EQ(spec.measure.min_seconds, defaults.min_seconds);
  EXPECT_EQ(spec.measure.target_half_width, defaults.target_half_width);
  EXPECT_EQ(spec.measure.confidence, defaults.confidence);
  EXPECT_EQ(spec.measure.budget_seconds, defaults.budget_seconds);
}

TEST(BenchSpec, ReadsEveryField) {
  const BenchSpec spec = parse({{"description", "d"},
                                {"mode", "forced"},
                                {"seed", 42},
                                {"profile", true},
                                {"measure",
                                 {{"warmup_runs", 1},
                                  {"min_runs", 7},
                                  {"max_runs", 70},
                                  {"min_seconds", 0.25},
                                  {"target_half_width", 0.02},
                                  {"confidence", 0.9},
                                  {"budget_seconds", 3}}}});
  EXPECT_EQ(spec.mode, harness::ReplayMode::forced);
  EXPECT_EQ(spec.seed, 42U);
  EXPECT_TRUE(spec.profile);
  EXPECT_EQ(spec.measure.warmup_runs, 1U);
  EXPECT_EQ(spec.measure.min_runs, 7U);
  EXPECT_EQ(spec.measure.max_runs, 70U);
  EXPECT_EQ(spec.measure.min_seconds, 0.25);
  EXPECT_EQ(spec.measure.target_half_width, 0.02);
  EXPECT_EQ(spec.measure.confidence, 0.9);
  EXPECT_EQ(spec.measure.budget_seconds, 3);
  EXPECT_EQ(parse({{"mode", "free"}}).mode, harness::ReplayMode::free);
  EXPECT_FALSE(parse({{"mode", "auto"}}).mode.has_value());
}

TEST(BenchSpec, ASmallBudgetLowersTheSecondsThatMustBeTimed) {
  EXPECT_EQ(parse({{"measure", {{"budget_seconds", 0.4}}}}).measure.min_seconds, 0.2);
  EXPECT_EQ(parse({{"measure", {{"budget_seconds", 0.4}, {"min_seconds", 0.3}}}}).measure.min_seconds, 0.3);
}

TEST(BenchSpec, ExpandsEveryCombinationInTheTablesOrderWhateverTheKeysOrder) {
  EXPECT_THAT(
      described({{{"threads", {1, 2}},
                  {"isa", "scalar"},
                  {"kv_cache", {"on", "off"}},
                  {"precision", {"f32", "f16"}}}}),
      ElementsAre(
          "cpu scalar f32, KV cache f32, 1 thread, exact", "cpu scalar f32, KV cache f32, 2 threads, exact",
          "cpu scalar f32, KV cache off, 1 thread, exact", "cpu scalar f32, KV cache off, 2 threads, exact",
          "cpu scalar f16, KV cache f32, 1 thread, exact", "cpu scalar f16, KV cache f32, 2 threads, exact",
          "cpu scalar f16, KV cache off, 1 thread, exact", "cpu scalar f16, KV cache off, 2 threads, exact"));
}

TEST(BenchSpec, JoinsBlocksAndRemovesDuplicates) {
  EXPECT_THAT(described({{{"backend", "reference"}},
                         {{"isa", "scalar"}, {"threads", {1, "1"}}, {"precision", "bf16"}},
                         {{"backend", {"reference", "reference"}}, {"threads", 1}, {"isa", "scalar"}}}),
              ElementsAre("reference scalar native, KV cache f32, 1 thread, exact",
                          "cpu scalar bf16, KV cache f32, 1 thread, exact"));
}

TEST(BenchSpec, CapturesStartAtItsFolder) {
  const BenchSpec spec = parse({{"captures", {"a.safetensors", "../b.safetensors", "/else/c.safetensors"}}});
  EXPECT_THAT(spec.captures,
              ElementsAre("/folder/a.safetensors", "/folder/../b.safetensors", "/else/c.safetensors"));
}

TEST(BenchSpec, HasALimitOfCombinations) {
  json threads = json::array();
  for (int i = 1; i <= 512; ++i) {
    threads.push_back(i);
  }
  EXPECT_EQ(described({{{"threads", threads}, {"kv_cache", {"on", "off"}}}}).size(), 1024U);
  threads.push_back(513);
  EXPECT_EQ(error_with({{"placements", {{{"threads", threads}, {"kv_cache", {"on", "off"}}}}}}),
            "s.json: placements[0]: expected at most 1024 combinations, found 1026");
}

TEST(BenchSpec, TheLimitHoldsForAllBlocksTogether) {
  json threads = json::array();
  for (int i = 1; i <= 1024; ++i) {
    threads.push_back(i);
  }
  EXPECT_THAT(error_with({{"placements", {{{"threads", threads}}, {{"threads", 1}, {"kv_cache", "off"}}}}}),
              HasSubstr("s.json: placements: expected at most 1024 combinations"));
}

TEST(BenchSpec, RefusesWhatItDoesNotUnderstand) {
  struct Case {
    json more;
    const char* expected;
  };
  const Case cases[] = {
      {{{"placement", json::array()}},
       "s.json: placement: expected one of the keys captures, description, measure, mode, name, placements, "
       "profile, schema, seed, found an unknown key"},
      {{{"schema", "reprise.report/1"}}, "s.json: schema: expected reprise.spec/1, found reprise.report/1"},
      {{{"name", 5}}, "s.json: name: expected string, found number"},
      {{{"mode", "fast"}}, "s.json: mode: expected auto|free|forced, found fast"},
      {{{"seed", -1}}, "s.json: seed: expected whole number from 0 to 9223372036854775807, found -1"},
      {{{"profile", "yes"}}, "s.json: profile: expected boolean, found string"},
      {{{"captures", "a"}}, "s.json: captures: expected array, found string"},
      {{{"captures", {1}}}, "s.json: captures[0]: expected string, found number"},
      {{{"placements", nullptr}}, "s.json: placements: expected a list of at least one block, found null"},
      {{{"placements", json::array()}},
       "s.json: placements: expected a list of at least one block, found none"},
      {{{"placements", {{{"precison", "f32"}}}}},
       "s.json: placements[0].precison: expected one of the keys backend, isa, precision, kv_cache, "
       "kv_precision, threads, numerics, found an unknown key"},
      {{{"placements", json::array({5})}},
       "s.json: placements[0]: expected an object of placement keys, found number"},
      {{{"placements", {json::object(), {{"threads", json::array()}}}}},
       "s.json: placements[1].threads: expected at least one value, found an empty list"},
      {{{"placements", {{{"threads", 1.5}}}}},
       "s.json: placements[0].threads: expected a string, a whole number, or a list of them, found 1.5"},
      {{{"placements", {{{"kv_cache", true}}}}},
       "s.json: placements[0].kv_cache: expected a string, a whole number, or a list of them, found boolean"},
      {{{"placements", {{{"kv_cache", "yes"}}}}},
       "s.json: placements[0].kv_cache: expected one of on, off, found 'yes'"},
      {{{"placements", {{{"threads", {1, 2000}}}}}},
       "s.json: placements[0].threads: expected 0 (all) to 1024, found '2000'"},
      {{{"placements", {{{"backend", "reference"}, {"threads", 2}}}}},
       "s.json: placements[0].threads: expected 1 with backend reference, found 2"},
      {{{"measure", {{"budget", 1}}}},
       "s.json: measure.budget: expected one of the keys budget_seconds, confidence, max_runs, min_runs, "
       "min_seconds, target_half_width, warmup_runs, found an unknown key"},
      {{{"measure", {{"min_runs", "3"}}}}, "s.json: measure.min_runs: expected whole number, found string"},
      {{{"measure", {{"budget_seconds", -1}}}},
       "s.json: measure.budget_seconds: expected a number above 0, found -1"},
      {{{"measure", {{"target_half_width", 0}}}},
       "s.json: measure.target_half_width: expected a number between 0 and 1, found 0"},
      {{{"measure", {{"warmup_runs", 0}}}},
       "s.json: measure.warmup_runs: expected 1 (the cold run is never a sample) to 1000, found 0"},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(error_with(c.more), c.expected);
  }
  EXPECT_EQ(error_of(R"({"schema": "reprise.spec/1", "placements": [{}]})"),
            "s.json: name: expected string, found nothing");
  EXPECT_EQ(error_of(R"({"schema": "reprise.spec/1", "name": "s"})"),
            "s.json: placements: expected a list of at least one block, found nothing");
  EXPECT_THAT(error_of(R"({"schema": "reprise.spec/1", "name": "a", "name": "b", "placements": [{}]})"),
              HasSubstr("name"));
}

class SpecSchema : public ::testing::Test {
 protected:
  reprise::testing::JsonSchema schema_{"spec.schema.json"};
};

TEST_F(SpecSchema, AcceptsWhatIsShipped) {
  for (const char* file : {"/specs/quickstart.json", "/specs/gate.json"}) {
    const std::string text = cli::testing::read_file(std::string(REPRISE_SOURCE_DIR) + file);
    EXPECT_EQ(schema_.complaint(json::parse(text)), "") << file;
    EXPECT_EQ(error_of(text), "accepted") << file;
  }
}

TEST_F(SpecSchema, AcceptsTheExamplesOfItsPage) {
  const std::string page = cli::testing::read_file(REPRISE_SOURCE_DIR "/specs/README.md");
  const reprise::testing::JsonSchema acknowledgements("acknowledgements.schema.json");
  int n_examples = 0;
  int n_specs = 0;
  for (std::size_t at = page.find("```json\n{"); at != std::string::npos;
       at = page.find("```json\n{", at + 1)) {
    const std::size_t begin = at + 8;
    const json example = json::parse(page.substr(begin, page.find("```", begin) - begin));
    const bool is_spec = example["schema"] == "reprise.spec/1";
    EXPECT_EQ((is_spec ? schema_ : acknowledgements).complaint(example), "") << example;
    n_specs += is_spec ? 1 : 0;
    ++n_examples;
  }
  EXPECT_EQ(n_examples, 4);
  EXPECT_EQ(n_specs, 3);
}

TEST_F(SpecSchema, AgreesWithTheReader) {
  const json blocks = {nullptr,
                       json::object(),
                       {{"threads", 1}},
                       {{"threads", {1, "2"}}},
                       {{"threads", json::array()}},
                       {{"threads", 1025}},
                       {{"threads", -1}},
                       {{"threads", 1.5}},
                       {{"threads", "two"}},
                       {{"precision", {"f32", "f16", "bf16", "native"}}},
                       {{"precision", "f64"}},
                       {{"kv_cache", true}},
                       {{"kv_cache", {"on", "off"}}},
                       {{"kv_precision", "bf16"}},
                       {{"numerics", "exact"}},
                       {{"numerics", "sloppy"}},
                       {{"isa", {"auto", "scalar"}}},
                       {{"backend", {"cpu", "reference"}}},
                       {{"backend", "gpu"}},
                       {{"speed", 1}}};
  std::vector<json> documents = {json::array(), spec_with({}), spec_with({{"extra", 1}}),
                                 spec_with({{"placements", json::array()}})};
  for (const json& block : blocks) {
    documents.push_back(spec_with({{"placements", json::array({json::object(), block})}}));
  }
  const std::vector<json> values = {nullptr,
                                    true,
                                    0,
                                    1,
                                    -1,
                                    0.5,
                                    1.5,
                                    "free",
                                    "reprise.spec/1",
                                    json::array(),
                                    json::array({"a"}),
                                    json::array({1}),
                                    json::object()};
  for (const json& value : values) {
    for (const char* key :
         {"schema", "name", "description", "captures", "mode", "seed", "profile", "measure"}) {
      documents.push_back(spec_with({{key, value}}));
    }
    for (const char* key : {"warmup_runs", "min_runs", "max_runs", "min_seconds", "target_half_width",
                            "confidence", "budget_seconds", "other"}) {
      documents.push_back(spec_with({{"measure", {{key, value}}}}));
    }
  }
  for (const char* key : {"schema", "name", "placements"}) {
    json without = spec_with({});
    without.erase(key);
    documents.push_back(without);
  }
  int accepted = 0;
  for (const json& document : documents) {
    const std::string error = error_of(document.dump());
    EXPECT_EQ(schema_.complaint(document).empty(), error == "accepted")
        << document << "\nreader: " << error << "\nschema: " << schema_.complaint(document);
    accepted += error == "accepted" ? 1 : 0;
  }
  EXPECT_GT(accepted, 40);
  EXPECT_GT(std::ssize(documents) - accepted, 100);
}

TEST_F(SpecSchema, DescribesEveryKey) {
  const json& document = schema_.document();
  const auto described = [](const json& properties) {
    for (const auto& [key, value] : properties.items()) {
      EXPECT_TRUE(value.contains("description")) << key;
    }
  };
  described(document["properties"]);
  described(document["properties"]["measure"]["properties"]);
  described(document["properties"]["placements"]["items"]["properties"]);
}

}  // namespace
}  // namespace reprise::cli
