/// reprise gate, with real processes. The base build is this program; the head build is this program too, or
/// a script that calls it with other flags, whose work and outputs then differ, or that says how long runs
/// took. Nothing here depends on how fast the machine is.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "harness/report/report_json.h"
#include "harness/tests/support/json_schema.h"
#include "tools/tests/cli/support/program.h"

namespace reprise::cli {
namespace {

using nlohmann::json;
using ::testing::AnyOf;
using testing::Arguments;
using testing::CliTest;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::Outcome;

const std::string kProgram = REPRISE_BINARY_DIR "/bin/reprise";

class GateCommand : public CliTest {
 protected:
  void SetUp() override {
    CliTest::SetUp();
    make_capture("call.safetensors");
    write_spec(R"({"threads": 1})");
  }
  void write_spec(const std::string& placement, const std::string& more = "") {
    testing::write_file(path("spec.json"), R"({"schema": "reprise.spec/1", "name": "gate", )" + more +
                                               R"("captures": ["call.safetensors"], "placements": [)" +
                                               placement + "]}");
  }
  /// An executable script.
  std::string script(const std::string& name, const std::string& text) {
    testing::write_file(path(name), "#!/bin/bash\n" + text + "\n");
    std::filesystem::permissions(path(name), std::filesystem::perms::owner_all);
    return path(name).string();
  }
  /// A build that runs with `value` where it is asked for anything else of `flag`.
  std::string build_with(const std::string& flag, const std::string& value) {
    return script("head", "words=(); for word in \"$@\"; do [[ $last == " + flag + " ]] && word=" + value +
                              "; words+=(\"$word\"); last=$word; done\nexec " + kProgram +
                              " \"${words[@]}\"");
  }
  /// A build that says of every run that it took `seconds`, whatever it took: pairs are as many as are asked
  /// for, however busy the machine is.
  std::string build_taking(const std::string& name, double seconds) {
    std::ostringstream text;
    text << "#!/usr/bin/env python3\n"
         << "import json, subprocess, sys\n"
         << "seconds = " << seconds << "\n"
         << "child = subprocess.Popen(['" << kProgram << "'] + sys.argv[1:], stdin=subprocess.PIPE,\n"
         << R"(                         stdout=subprocess.PIPE, text=True)
print(child.stdout.readline(), end='', flush=True)
for request in sys.stdin:
    child.stdin.write(request)
    child.stdin.flush()
    what = json.loads(request)['do']
    if what == 'quit':
        break
    answer = json.loads(child.stdout.readline())
    for run in answer['runs'] if what == 'runs' else [answer] if what == 'run' else []:
        n = len(run['token_seconds'])
        run['total_seconds'] = seconds
        run['time_to_first_token_seconds'] = seconds / n
        run['token_seconds'] = [seconds / n] * n
    print(json.dumps(answer), flush=True)
child.stdin.close()
sys.exit(child.wait())
)";
    testing::write_file(path(name), text.str());
    std::filesystem::permissions(path(name), std::filesystem::perms::owner_all);
    return path(name).string();
  }
  Arguments arguments(const std::string& head, const Arguments& more = {}) {
    Arguments all = {"gate",   "--base-bin", kProgram,      "--head-bin", head,
                     "--spec", "spec.json",  "--processes", "3",          "--max-noise",
                     "10",     "--budget",   "0.3"};
    for (auto word = more.begin(); word != more.end(); ++word) {
      const auto known = std::find(all.begin(), all.end(), *word);
      if (known != all.end()) {
        *std::next(known) = *++word;  // another value
      } else {
        all.push_back(*word);
      }
    }
    return all;
  }
  Outcome gate(const std::string& head, const Arguments& more = {}) { return run(arguments(head, more)); }
  /// gate.json, which the published schema accepts.
  [[nodiscard]] json written(const std::string& file = "gate.json") const {
    json document = json::parse(testing::read_file(path(file)));
    EXPECT_EQ(reprise::testing::JsonSchema("gate.schema.json").complaint(document), "");
    return document;
  }
  static json count(const json& document, const std::string& metric) {
    for (const json& each : document["gate"]["rows"][0]["counts"]) {
      if (each["metric"] == metric) {
        return each;
      }
    }
    return nullptr;
  }
};

TEST_F(GateCommand, OfTwoEqualBuildsWritesThreeFilesAndCountsTheSame) {
  std::filesystem::create_directory(path("out"));
  write_spec(R"({"threads": [1, 2]})");
  const Outcome outcome = gate(kProgram, {"--out", "out", "--informational"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.out << outcome.err;
  EXPECT_EQ(outcome.err, "");
  EXPECT_EQ(outcome.out.find("gate: "), 0U);
  EXPECT_THAT(files(), ElementsAre("call.safetensors", "out", "out/gate.json", "out/gate.md", "out/gate.xml",
                                   "spec.json"));
  const json document = written("out/gate.json");
  ASSERT_EQ(document["gate"]["rows"].size(), 2U);
  EXPECT_EQ(document["gate"]["findings"].size(), 18U);
  for (const json& row : document["gate"]["rows"]) {
    ASSERT_EQ(row["counts"].size(), 6U);
    for (const json& each : row["counts"]) {
      EXPECT_EQ(each["verdict"], "equivalent") << each;
      EXPECT_GT(each["a"], 0) << each;
    }
  }
  for (const json& comparison : document["comparisons"]) {
    EXPECT_EQ(comparison["processes"], 3);
    EXPECT_TRUE(comparison["adjusted_p_value"].is_number());
    EXPECT_GE(comparison["adjusted_p_value"], comparison["p_value"]);
  }
  EXPECT_EQ(document["rows"][0]["placement"]["threads"], 1);
  EXPECT_EQ(document["rows"][3]["placement"]["threads"], 2);
  EXPECT_FALSE(document["comparisons"][0]["centres"].empty());
  EXPECT_EQ(document["gate"]["a"], document["gate"]["b"]);
  EXPECT_THAT(testing::read_file(path("out/gate.md")), HasSubstr("## Gate: "));
  EXPECT_THAT(testing::read_file(path("out/gate.xml")), HasSubstr("<testsuites name=\"reprise gate\""));
}

TEST_F(GateCommand, MoreWorkFailsWhateverTheClockSays) {
  // Without a cache every position is computed again: more operations, and no memory for keys and values.
  const Outcome outcome = gate(build_with("--kv-cache", "off"));
  EXPECT_EQ(outcome.exit_code, 1) << outcome.out << outcome.err;
  EXPECT_EQ(outcome.out.find("gate: regression\n"), 0U) << outcome.out;
  const json document = written();
  EXPECT_EQ(document["gate"]["outcome"], "regression");
  EXPECT_EQ(count(document, "kernel_flops")["verdict"], "regression");
  EXPECT_GT(count(document, "kernel_flops")["kernels"].size(), 0U);
  EXPECT_EQ(count(document, "weights_bytes")["verdict"], "equivalent");
  EXPECT_THAT(testing::read_file(path("gate.md")), HasSubstr("| kernel\\_flops | regression |"));
  EXPECT_THAT(testing::read_file(path("gate.xml")), HasSubstr("<failure type=\"regression\""));
}

TEST_F(GateCommand, LessWorkIsAnImprovement) {
  // The same two builds the other way round.
  Arguments turned = arguments(kProgram, {"--informational"});
  turned[2] = build_with("--kv-cache", "off");
  const Outcome outcome = run(turned);
  EXPECT_EQ(outcome.exit_code, 0) << outcome.out << outcome.err;
  EXPECT_EQ(count(written(), "kernel_flops")["verdict"], "improvement");
}

TEST_F(GateCommand, InformationalTellsRegressionsAndExitsWith0) {
  const Outcome outcome = gate(build_with("--kv-cache", "off"), {"--informational"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.out.find("gate: regression (for information: it fails nothing)\n"), 0U);
  EXPECT_EQ(written()["gate"]["outcome"], "regression");
  EXPECT_THAT(testing::read_file(path("gate.xml")), Not(HasSubstr("<failure")));
}

TEST_F(GateCommand, AcceptedRegressionsPassUntilTheyExpire) {
  // Timings of a machine too noisy for any; the counts that grow are accepted.
  const auto accepted = [](const std::string& expires) {
    json document = {{"schema", "reprise.acknowledgements/1"}, {"accepted", json::array()}};
    for (const char* metric :
         {"kernel_calls", "kernel_bytes", "kernel_flops", "allocations", "peak_kv_bytes"}) {
      document["accepted"].push_back({{"capture", "call"},
                                      {"metric", metric},
                                      {"commit", "0123abc"},
                                      {"reason", "no cache, on purpose"},
                                      {"expires", expires}});
    }
    return document.dump();
  };
  const Arguments flags = {"--acknowledged", "accepted.json", "--max-noise", "0"};
  testing::write_file(path("accepted.json"), accepted("9999-12-31"));
  Outcome outcome = gate(build_with("--kv-cache", "off"), flags);
  EXPECT_EQ(outcome.exit_code, 0) << outcome.out << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("accepted until 9999-12-31: kernel_flops of call"));
  testing::write_file(path("accepted.json"), accepted("2020-01-01"));
  outcome = gate(build_with("--kv-cache", "off"), flags);
  EXPECT_EQ(outcome.exit_code, 1) << outcome.out << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("accepted until 2020-01-01 and no longer: kernel_flops of call"));
}

TEST_F(GateCommand, ATimedRegressionIsSeenTwice) {
  const Outcome outcome =
      gate(build_taking("head", 0.12), {"--base-bin", build_taking("base", 0.1), "--budget", "60"});
  EXPECT_EQ(outcome.exit_code, 1) << outcome.out << outcome.err;
  const json total = written()["comparisons"][0];
  EXPECT_EQ(total["metric"], "total_seconds");
  EXPECT_NEAR(total["median_ratio"], 1.2, 1e-9);
  EXPECT_EQ(total["verdict"], "regression") << outcome.out;
  EXPECT_EQ(total["confirmed"], true) << outcome.out;
  EXPECT_LT(total["adjusted_p_value"], 0.01);
}

TEST_F(GateCommand, OutputsThatDifferAreExitCode3) {
  write_spec(R"({"threads": 1})", R"("mode": "free", )");
  const Outcome outcome = gate(build_with("--precision", "bf16"), {"--informational"});
  EXPECT_EQ(outcome.exit_code, 3) << outcome.out << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("outputs of the head build differ from the capture"));
  const json document = written();
  EXPECT_EQ(document["gate"]["outcome"], "outputs_differ");
  EXPECT_EQ(document["gate"]["rows"][0]["a_differs"], false);
  EXPECT_EQ(document["gate"]["rows"][0]["b_differs"], true);
  EXPECT_TRUE(document["comparisons"].empty());
  EXPECT_TRUE(document["gate"]["rows"][0]["counts"].empty());
}

TEST_F(GateCommand, StrictMakesInconclusiveExitCode2) {
  // A pair or two of each process are never enough for a verdict.
  const Outcome outcome = gate(kProgram, {"--strict", "--budget", "0.001"});
  EXPECT_EQ(outcome.exit_code, 2) << outcome.out << outcome.err;
  EXPECT_EQ(outcome.out.find("gate: inconclusive\n"), 0U) << outcome.out;
}

TEST_F(GateCommand, CapturesOfTheCommandLineAreAddedAndTheCommandCanBeRepeated) {
  make_capture("my call.safetensors");
  const Outcome outcome =
      gate(kProgram, {"my call.safetensors", "--seed", "7", "--informational", "--budget", "0.001"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  const json document = written();
  EXPECT_EQ(document["gate"]["rows"].size(), 2U);
  EXPECT_EQ(document["rows"][2]["capture"]["name"], "my call");
  EXPECT_EQ(document["gate"]["command"],
            "reprise gate --base-bin " + kProgram + " --head-bin " + kProgram +
                " --spec spec.json --budget 0.001 --processes 3 --band 0.01 --confidence 0.99 --max-noise 10 "
                "--seed 7 --informational 'my call.safetensors'");
  EXPECT_THAT(testing::read_file(path("gate.md")), HasSubstr("    reprise gate --base-bin "));
}

TEST_F(GateCommand, BuildsThatCannotRunAreOneLine) {
  const std::string old = script("old", "echo 'reprise: command: expected one of generate' >&2; exit 4");
  const auto with_base = [&](const std::string& base) {
    Arguments all = arguments(kProgram);
    all[2] = base;
    return all;
  };
  expect_error(with_base(old), {"base: ", "/old: ", "exit status 4", "expected one of generate"});
  expect_error(with_base("missing"), {"base: missing: "});
  expect_error(arguments("missing"), {"head: missing: "});
  expect_error(arguments("/bin/true"), {"head: /bin/true: "});
  // A placement that only the head build knows.
  const std::string lacks =
      script("lacks",
             "case \"$*\" in *int8*) echo '{\"error\":\"--precision: expected f32, found "
             "int8\",\"exit_code\":4}'; exit 4;; esac\nexec " +
                 kProgram + " \"$@\"");
  write_spec(R"({"threads": 1}, {"threads": 1, "precision": "int8"})");
  expect_error(with_base(lacks), {"base: ", "/lacks: --precision: expected f32, found int8"});
}

TEST_F(GateCommand, ABuildThatEndsInTheMiddleLeavesNoFile) {
  // Passes two requests on, and no more.
  const std::string head =
      script("head", "for i in 1 2; do read -r line; echo \"$line\"; done | " + kProgram + " \"$@\"");
  expect_error(arguments(head), {"/head: ", "exit status 0"});
}

TEST_F(GateCommand, UsageErrorsAreOneLine) {
  testing::write_file(path("file"), "");
  testing::write_file(path("accepted.json"), R"({"schema": "reprise.acknowledgements/1"})");
  testing::write_file(path("empty.json"), R"({"schema": "reprise.spec/1", "name": "s", "placements": [{}]})");
  const auto expect = [&](const Arguments& more, const std::vector<std::string>& expected) {
    expect_error(arguments(kProgram, more), expected);
  };
  expect({"--processes", "2"}, {"--processes: expected a whole number from 3 to 1000, found '2'"});
  expect({"--budget", "0"}, {"--budget"});
  expect({"--confidence", "1"}, {"--confidence"});
  expect({"--max-noise", "-1"}, {"--max-noise"});
  expect({"--out", "missing"}, {"missing/gate.json: "});
  expect({"--out", "file"}, {"file/gate.json: "});
  expect({"--acknowledged", "accepted.json"}, {"accepted.json: accepted: expected array, found nothing"});
  expect({"--acknowledged", "none.json"}, {"none.json: "});
  expect({"missing.safetensors"}, {"base: ", "missing.safetensors"});
  expect_error({"gate"}, {"--base-bin: expected one, found nothing", "(see reprise gate --help)"});
  expect_error({"gate", "--base-bin", kProgram}, {"--spec: expected one, found nothing"});
  expect_error({"gate", "--base-bin", kProgram, "--spec", "none.json"}, {"none.json: "});
  expect_error({"gate", "--base-bin", kProgram, "--spec", "empty.json"},
               {"empty.json: captures: expected at least one here or on the command line, found none"});
}

TEST_F(GateCommand, ItsFileIsAReportThatCompareReads) {
  const Outcome made = gate(kProgram, {"--informational", "--budget", "1"});
  ASSERT_EQ(made.exit_code, 0) << made.err;
  std::filesystem::rename(path("gate.json"), path("before.json"));
  ASSERT_EQ(gate(kProgram, {"--informational", "--budget", "1"}).exit_code, 0);
  const Outcome outcome = run({"compare", "before.json", "gate.json", "--json", "report.json"});
  EXPECT_THAT(outcome.exit_code, AnyOf(0, 1)) << outcome.err;
  const harness::Report report =
      harness::parse_report(testing::read_file(path("report.json")), "report.json");
  const harness::Report before = harness::read_report(path("before.json"));
  const harness::Report after = harness::read_report(path("gate.json"));
  // The head builds of both, once.
  ASSERT_EQ(report.rows.size(), 2U);
  EXPECT_EQ(report.rows[0].samples.total_seconds, before.rows[1].samples.total_seconds);
  EXPECT_EQ(report.rows[1].samples.total_seconds, after.rows[1].samples.total_seconds);
}

TEST_F(GateCommand, HelpTeaches) {
  const std::string help = output({"gate", "--help"});
  EXPECT_THAT(help, HasSubstr("reprise gate --base-bin before/reprise --head-bin after/reprise --spec"));
  EXPECT_THAT(help, HasSubstr("gate.xml (JUnit)"));
  EXPECT_THAT(help, HasSubstr("Exit codes: 0 pass, 1 regression"));
}

}  // namespace
}  // namespace reprise::cli
