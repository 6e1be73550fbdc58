#include "harness/regress/gate_junit.h"

#include <gtest/gtest.h>

#include <pugixml.hpp>

#include "harness/tests/support/sample_gate.h"

namespace reprise::harness {
namespace {

constexpr const char* kToday = "2026-01-31";

class GateJunit : public ::testing::Test {
 protected:
  /// Read again by the library, which knows nothing of gates.
  const pugi::xml_document& document_of(const Gate& gate, const std::vector<Acknowledgement>& accepted = {}) {
    const std::string text = gate_junit(judge(gate, accepted, kToday));
    EXPECT_TRUE(document_.load_string(text.c_str())) << text;
    EXPECT_EQ(text.find("<?xml version=\"1.0\"?>"), 0U);
    return document_;
  }
  pugi::xml_node test(int suite, const char* metric) {
    pugi::xml_node node = document_.child("testsuites").first_child();
    for (; suite > 0; --suite) {
      node = node.next_sibling();
    }
    return node.find_child_by_attribute("testcase", "name", metric);
  }
  /// "failure: message", "skipped: message" or "passes".
  std::string state(int suite, const char* metric) {
    const pugi::xml_node node = test(suite, metric);
    EXPECT_TRUE(node) << suite << metric;
    const pugi::xml_node child = node.first_child();
    return child ? std::string(child.name()) + ": " + child.attribute("message").value() : "passes";
  }

  pugi::xml_document document_;
};

TEST_F(GateJunit, HasASuiteForEachRowAndACaseForEachMetric) {
  const pugi::xml_node root = document_of(sample_gate()).child("testsuites");
  EXPECT_STREQ(root.attribute("name").value(), "reprise gate");
  EXPECT_EQ(root.attribute("tests").as_int(), 19);  // two rows of 3 times and 6 counts, and one of outputs
  EXPECT_EQ(root.attribute("failures").as_int(), 4);
  EXPECT_EQ(root.attribute("skipped").as_int(), 3);
  int tests = 0;
  int failures = 0;
  int skipped = 0;
  for (const pugi::xml_node suite : root.children("testsuite")) {
    int cases = 0;
    for (const pugi::xml_node each : suite.children("testcase")) {
      ++cases;
      failures += each.child("failure") ? 1 : 0;
      skipped += each.child("skipped") ? 1 : 0;
      EXPECT_STREQ(each.attribute("classname").value(), suite.attribute("name").value());
    }
    EXPECT_EQ(suite.attribute("tests").as_int(), cases);
    tests += cases;
  }
  EXPECT_EQ(tests, 19);
  EXPECT_EQ(failures, 4);
  EXPECT_EQ(skipped, 3);
  EXPECT_STREQ(root.first_child().attribute("name").value(),
               "chat-1 on cpu avx512 f32, KV cache f32, 2 threads, exact");
}

TEST_F(GateJunit, SaysWhyACaseFailsOrIsSkipped) {
  Gate gate = sample_gate();
  gate.report.comparisons[0].confirmed = true;
  Acknowledgement entry = sample_acknowledgement();
  entry.metric = kKernelCalls;
  document_of(gate, {entry});
  EXPECT_EQ(state(0, "total_seconds"), "failure: regression, twice: +6.25 %, interval +5.47 % .. +7.03 %");
  EXPECT_STREQ(test(0, "total_seconds").child("failure").attribute("type").value(), "regression");
  EXPECT_EQ(state(0, "time_to_first_token_seconds"), "passes");
  EXPECT_EQ(state(0, "kernel_calls"),
            "skipped: regression (accepted): 110 to 135 (+22.73 %); exact sums need a second pass");
  EXPECT_EQ(state(0, "allocations"), "skipped: not compared: 7 to -");
  EXPECT_EQ(state(1, "total_seconds"),
            "skipped: regression (too noisy to fail): +12.50 %, interval +11.72 % .. +13.28 %");
  EXPECT_EQ(state(1, "decode_tokens_per_second"), "skipped: inconclusive: +0.00 %, interval -");
  EXPECT_EQ(state(2, "outputs"),
            "failure: outputs of the head build differ from the capture; nothing of it is compared");
}

TEST_F(GateJunit, InformationalFailsForOutputsOnly) {
  Gate gate = sample_gate();
  gate.options.informational = true;
  const pugi::xml_node root = document_of(gate).child("testsuites");
  EXPECT_EQ(root.attribute("failures").as_int(), 1);
  EXPECT_EQ(state(0, "total_seconds").find("skipped: regression"), 0U);
  EXPECT_EQ(state(2, "outputs").find("failure"), 0U);
}

TEST_F(GateJunit, InconclusiveFailsWhenStrict) {
  Gate gate = agreeing_gate();
  gate.rows[1].noise_floor = 0;
  gate.options.strict = true;
  document_of(gate);
  EXPECT_EQ(state(1, "decode_tokens_per_second").find("failure: inconclusive"), 0U);
  EXPECT_STREQ(test(1, "decode_tokens_per_second").child("failure").attribute("type").value(),
               "inconclusive");
}

TEST_F(GateJunit, NamesMayHoldAnything) {
  Gate gate = sample_gate();
  for (Row& row : gate.report.rows) {
    row.capture.name = "\"<a>&\x01\xff";
  }
  const pugi::xml_node suite = document_of(gate).child("testsuites").first_child();
  EXPECT_EQ(std::string(suite.attribute("name").value()).find("\"<a>&\\x01\\xff on cpu"), 0U);
}

}  // namespace
}  // namespace reprise::harness
