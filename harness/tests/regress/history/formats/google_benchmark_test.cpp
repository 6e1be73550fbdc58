#include "harness/regress/history/formats/google_benchmark.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "engine/tests/support/error_of.h"

namespace reprise::harness {
namespace {

using nlohmann::json;
using reprise::testing::error_of;
using ::testing::HasSubstr;

ForeignReport read(const std::string& text, Better better = Better::lower) {
  return read_google_benchmark(text, "bench.json", better);
}

std::string refusal(const std::string& text) {
  return error_of([&] { read(text); }).what();
}

/// As Google Benchmark 1.7 writes it: repetitions, aggregates, a counter, a failure, a fit of complexity.
constexpr const char* kFile = R"({
  "context": {"date": "2026-01-31T13:00:00+01:00", "host_name": "h", "executable": "./b", "num_cpus": 8,
    "mhz_per_cpu": 3000, "cpu_scaling_enabled": false,
    "caches": [{"type": "Data", "level": 1, "size": 32768, "num_sharing": 2},
               {"type": "Unified", "level": 2, "size": 1048576, "num_sharing": 2}],
    "load_avg": [1.5, 1], "library_build_type": "release"},
  "benchmarks": [
    {"name": "BM_A/64", "family_index": 0, "per_family_instance_index": 0, "run_name": "BM_A/64",
     "run_type": "iteration", "repetitions": 3, "repetition_index": 0, "threads": 1, "iterations": 1000,
     "real_time": 10.0, "cpu_time": 9.0, "time_unit": "us", "bytes_per_second": 4e9, "kernel_calls": 7},
    {"name": "BM_A/64", "run_name": "BM_A/64", "run_type": "iteration", "repetition_index": 1,
     "iterations": 1000, "real_time": 14.0, "cpu_time": 13.0, "time_unit": "us", "bytes_per_second": 2e9,
     "kernel_calls": 7},
    {"name": "BM_A/64", "run_name": "BM_A/64", "run_type": "iteration", "repetition_index": 2,
     "iterations": 1000, "real_time": 12.0, "cpu_time": 11.0, "time_unit": "us", "bytes_per_second": 3e9,
     "kernel_calls": 7},
    {"name": "BM_A/64_mean", "run_name": "BM_A/64", "run_type": "aggregate", "aggregate_name": "mean",
     "repetitions": 3, "iterations": 3, "real_time": 99.0, "cpu_time": 99.0, "time_unit": "us"},
    {"name": "BM_Failed", "run_name": "BM_Failed", "run_type": "iteration", "error_occurred": true,
     "error_message": "no", "iterations": 0, "real_time": 0, "cpu_time": 0, "time_unit": "ns"},
    {"name": "BM_A_BigO", "run_name": "BM_A", "run_type": "aggregate", "aggregate_name": "BigO",
     "cpu_coefficient": 1.0, "real_coefficient": 1.0, "big_o": "N", "time_unit": "ns"},
    {"name": "BM_A_RMS", "run_name": "BM_A", "run_type": "aggregate", "aggregate_name": "RMS", "rms": 0.01}
  ]})";

TEST(GoogleBenchmark, RepetitionsAreOneFigure) {
  const ForeignReport report = read(kFile);
  EXPECT_EQ(report.created, "2026-01-31T12:00:00Z");
  EXPECT_EQ(report.machine, "8 processors, caches Data 32768, Unified 1048576");
  ASSERT_EQ(report.points.size(), 4U);
  const auto& [bytes, cpu, calls, real] =
      std::tie(report.points[0], report.points[1], report.points[2], report.points[3]);
  EXPECT_EQ(real.name, "BM_A/64");
  EXPECT_EQ(real.metric, "real_time");
  EXPECT_DOUBLE_EQ(real.value, 12e-6);
  EXPECT_EQ(real.unit, "s");
  EXPECT_EQ(real.better, Better::lower);
  EXPECT_EQ(real.n, 3);
  EXPECT_EQ(cpu.metric, "cpu_time");
  EXPECT_DOUBLE_EQ(cpu.value, 11e-6);
  EXPECT_EQ(bytes.metric, "bytes_per_second");
  EXPECT_EQ(bytes.value, 3e9);
  EXPECT_EQ(bytes.better, Better::higher);
  EXPECT_EQ(calls.metric, "kernel_calls");
  EXPECT_EQ(calls.better, Better::lower);
  EXPECT_EQ(read(kFile, Better::higher).points[2].better, Better::higher);
}

TEST(GoogleBenchmark, AggregatesAloneGiveTheMedian) {
  const auto aggregate = [](const std::string& kind, int value) {
    return R"({"name": "BM_A_)" + kind + R"(", "run_name": "BM_A", "run_type": "aggregate", "repetitions": 5,
      "aggregate_name": ")" +
           kind + R"(", "iterations": 5, "time_unit": "ms", "real_time": )" + std::to_string(value) +
           R"(, "cpu_time": 1})";
  };
  const ForeignReport both = read("{\"benchmarks\": [" + aggregate("mean", 3) + "," + aggregate("median", 2) +
                                  "," + aggregate("stddev", 1) + "]}");
  ASSERT_EQ(both.points.size(), 2U);
  EXPECT_EQ(both.points[1].name, "BM_A");
  EXPECT_DOUBLE_EQ(both.points[1].value, 0.002);
  EXPECT_EQ(both.points[1].n, 5);
  const ForeignReport mean = read("{\"benchmarks\": [" + aggregate("mean", 3) + "]}");
  EXPECT_DOUBLE_EQ(mean.points.at(1).value, 0.003);
  EXPECT_TRUE(read("{\"benchmarks\": [" + aggregate("cv", 3) + "]}").points.empty());
}

TEST(GoogleBenchmark, EveryTimeUnit) {
  for (const auto& [unit, seconds] : {std::pair{"ns", 1e-9}, {"us", 1e-6}, {"ms", 1e-3}, {"s", 1.0}}) {
    const ForeignReport report = read(R"({"benchmarks": [{"name": "B", "real_time": 3, "cpu_time": 3,
      "time_unit": ")" + std::string(unit) +
                                      "\"}]}");
    EXPECT_DOUBLE_EQ(report.points.at(1).value, 3 * seconds);
  }
  EXPECT_DOUBLE_EQ(
      read(R"({"benchmarks": [{"name": "B", "real_time": 3, "cpu_time": 3}]})").points.at(1).value, 3e-9);
}

TEST(GoogleBenchmark, RefusesWhatBreaksTheFormat) {
  const auto entry = [](const std::string& fields) { return "{\"benchmarks\": [{" + fields + "}]}"; };
  EXPECT_EQ(refusal("[]"), "bench.json: document: expected an object, found array");
  EXPECT_EQ(refusal("{}"), "bench.json: benchmarks: expected an array, found nothing");
  EXPECT_EQ(refusal("{\"benchmarks\": [3]}"), "bench.json: benchmarks[0]: expected an object, found 3");
  EXPECT_EQ(refusal(entry("\"real_time\": 1")),
            "bench.json: benchmarks[0].name: expected a text, found nothing");
  EXPECT_EQ(refusal(entry(R"("name": "B", "cpu_time": 1)")),
            "bench.json: benchmarks[0].real_time: expected a number up to 1e+300, found nothing");
  EXPECT_EQ(refusal(entry(R"("name": "B", "real_time": "fast", "cpu_time": 1)")),
            "bench.json: benchmarks[0].real_time: expected a number up to 1e+300, found 'fast'");
  EXPECT_EQ(refusal(entry(R"("name": "B", "real_time": 1, "cpu_time": 1, "time_unit": "min")")),
            "bench.json: benchmarks[0].time_unit: expected ns, us, ms or s, found 'min'");
  EXPECT_EQ(refusal(entry(R"("name": "B", "run_type": "other", "real_time": 1, "cpu_time": 1)")),
            "bench.json: benchmarks[0].run_type: expected iteration or aggregate, found 'other'");
  EXPECT_EQ(refusal(entry(R"("name": "B", "run_type": "aggregate", "real_time": 1, "cpu_time": 1)")),
            "bench.json: benchmarks[0].aggregate_name: expected a text, found nothing");
  EXPECT_EQ(refusal(entry(R"("name": "B", "real_time": 1, "cpu_time": 1e301)")),
            "bench.json: benchmarks[0].cpu_time: expected a number up to 1e+300, found 1e+301");
  EXPECT_EQ(refusal(R"({"context": {"date": "today"}, "benchmarks": []})"),
            "bench.json: context.date: expected a time such as 2026-01-31T12:00:00+00:00, found 'today'");
  EXPECT_THAT(refusal(R"({"context": [], "benchmarks": []})"), HasSubstr("context: expected an object"));
  EXPECT_THAT(refusal(entry(R"("name": "B", "name": "C", "real_time": 1, "cpu_time": 1)")),
              HasSubstr("expected the key 'name' once"));
}

TEST(GoogleBenchmark, NamesNumbersThatJsonDoesNotHave) {
  for (const char* word : {"NaN", "Infinity", "-Infinity", "nan", "-inf"}) {
    EXPECT_EQ(
        refusal(std::string("{\"benchmarks\":\n[{\"name\": \"a \\\" NaN\",\n\"real_time\": ") + word + "}]}"),
        std::string("bench.json: line 3: expected JSON, which has finite numbers only, found ") + word);
  }
  EXPECT_THAT(refusal(R"({"benchmarks": [{"name": "B", "real_time": 1e999, "cpu_time": 1}]})"),
              HasSubstr("number out of range"));
}

TEST(GoogleBenchmark, EveryCutFileIsRefused) {
  const std::string whole = kFile;
  for (std::size_t n = 0; n < whole.size(); n += 7) {
    EXPECT_EQ(error_of([&] { read(whole.substr(0, n)); }).code(), ErrorCode::invalid_data) << n;
  }
}

ForeignReport sample() {
  ForeignReport report;
  report.created = "2026-01-31T12:00:00Z";
  report.machine = "Fake \"CPU\" 9000\n";
  report.points = {
      {"call/cpu", "decode_tokens_per_second", "tokens/s", Better::higher, 1234.5, {}, 12},
      {"call/cpu", "time_to_first_token_seconds", "s", Better::lower, 0.25, Interval{0.2, 0.3}, 12},
      {"call/cpu", "total_seconds", "s", Better::lower, 0.1, Interval{0.09, 0.12}, 12},
      {"call/cpu", "threads", "", Better::lower, 3, {}, 0},
      {"rate only", "decode_tokens_per_second", "tokens/s", Better::higher, 5, {}, 1}};
  return report;
}

TEST(GoogleBenchmark, WritesWhatItsReadersNeed) {
  const ForeignFile file = write_google_benchmark(sample());
  const json document = json::parse(file.text);
  EXPECT_EQ(file.left_out,
            2U);  // a counter named like a member of the format, and a benchmark without a time
  for (const char* name : {"date", "host_name", "executable", "num_cpus", "mhz_per_cpu",
                           "cpu_scaling_enabled", "caches", "load_avg", "library_build_type"}) {
    EXPECT_TRUE(document["context"].contains(name)) << name;
  }
  EXPECT_TRUE(document["context"]["caches"].is_array());
  ASSERT_EQ(document["benchmarks"].size(), 1U);
  const json& entry = document["benchmarks"][0];
  EXPECT_EQ(entry["name"], "call/cpu");
  EXPECT_EQ(entry["run_type"], "iteration");
  // Its compare.py prints times without fractions.
  EXPECT_EQ(entry["real_time"], 1e8);
  EXPECT_EQ(entry["cpu_time"], 1e8);
  EXPECT_EQ(entry["time_unit"], "ns");
  EXPECT_EQ(entry["iterations"], 12);
  EXPECT_EQ(entry["threads"], 1);
  EXPECT_EQ(entry["decode_tokens_per_second"], 1234.5);
  EXPECT_EQ(entry["time_to_first_token_seconds"], 0.25);
}

TEST(GoogleBenchmark, ReadsWhatItWrites) {
  const ForeignReport again = read(write_google_benchmark(sample()).text);
  EXPECT_EQ(again.created, sample().created);
  ASSERT_EQ(again.points.size(), 4U);
  EXPECT_EQ(again.points[1].metric, "decode_tokens_per_second");
  EXPECT_EQ(again.points[1].value, 1234.5);
  EXPECT_EQ(again.points[1].better, Better::higher);
  EXPECT_EQ(again.points[2].metric, "real_time");
  EXPECT_DOUBLE_EQ(again.points[2].value, 0.1);
  EXPECT_EQ(json::parse(write_google_benchmark({}).text)["benchmarks"], json::array());
}

TEST(GoogleBenchmark, TimesThatNoReaderTakesInNanosecondsAreLeftOut) {
  ForeignReport report;
  report.created = sample().created;
  report.points = {{"a", "total_seconds", "s", Better::lower, 1e300, {}, 1},
                   {"b", "real_time", "s", Better::lower, 1, {}, 1},
                   {"b", "cpu_time", "s", Better::lower, 1e295, {}, 1}};
  const ForeignFile file = write_google_benchmark(report);
  EXPECT_EQ(file.left_out, 2U);
  EXPECT_EQ(read(file.text).points.size(), 2U);  // the real time, and as cpu_time the same
}

TEST(GoogleBenchmark, TheMachineIsWhatIsKnownOfIt) {
  const auto machine = [](const std::string& context) {
    return read(R"({"context": {)" + context + R"(}, "benchmarks": []})").machine;
  };
  const std::string caches =
      R"("caches": [{"type": "Data", "size": 32768}, {"type": "Unified", "size": 64}])";
  EXPECT_EQ(machine(caches), "caches Data 32768, Unified 64");
  EXPECT_EQ(machine(R"("num_cpus": 8, )" + caches), "8 processors, caches Data 32768, Unified 64");
  EXPECT_EQ(machine(R"("num_cpus": 8)"), "8 processors");
  EXPECT_EQ(machine(""), "");
}

}  // namespace
}  // namespace reprise::harness
