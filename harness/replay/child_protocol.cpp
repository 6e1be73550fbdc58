#include "harness/replay/child_protocol.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

#include "engine/core/build_info_fields.h"
#include "engine/core/error.h"
#include "engine/io/json_archive.h"
#include "engine/io/json_text.h"
#include "engine/io/printable.h"
#include "harness/replay/replay_fields.h"

namespace reprise::engine {

template <>
struct JsonEnum<harness::ChildRequest::Do> {
  using Do = harness::ChildRequest::Do;
  static constexpr std::array kNames = {
      std::pair{Do::run, std::string_view("run")}, std::pair{Do::runs, std::string_view("runs")},
      std::pair{Do::profile, std::string_view("profile")}, std::pair{Do::counts, std::string_view("counts")},
      std::pair{Do::quit, std::string_view("quit")}};
};

}  // namespace reprise::engine

namespace reprise::harness {

using engine::JsonReader;
using engine::JsonWriter;
using nlohmann::json;

// The fields of each line. Internal to this file: a report has its own for samples and cost centres.

template <class Archive>
static void fields(Archive& archive, ChildHandshake& handshake) {
  archive("tool", handshake.tool);
  archive("capture", handshake.capture);
  archive("placement", handshake.placement);
  archive("verification", handshake.verification);
  archive("n_prompt_processed", handshake.n_prompt_processed);
  archive("memory", handshake.memory);
}

template <class Archive>
static void fields(Archive& archive, Sample& sample) {
  archive("total_seconds", sample.total_seconds);
  archive("time_to_first_token_seconds", sample.time_to_first_token_seconds);
  archive("token_seconds", sample.token_seconds);
  archive("verified", sample.verified);
  archive("conditions", sample.conditions);
}

template <class Archive>
static void fields(Archive& archive, ChildCostCentre& centre) {
  archive("phase", centre.phase);
  archive("name", centre.name);
  archive("calls", centre.calls);
  archive("seconds", centre.seconds);
  archive("bytes", centre.bytes);
  archive("flops", centre.flops);
}

template <class Archive>
static void fields(Archive& archive, ChildProfile& profile) {
  archive("wall_seconds", profile.wall_seconds);
  archive("unattributed_seconds", profile.unattributed_seconds);
  archive("cost_centres", profile.cost_centres);
}

template <class Archive>
static void fields(Archive& archive, ChildKernelCount& kernel) {
  archive("phase", kernel.phase);
  archive("name", kernel.name);
  archive("calls", kernel.calls);
  archive("bytes", kernel.bytes);
  archive("flops", kernel.flops);
}

template <class Archive>
static void fields(Archive& archive, ChildCounts& counts) {
  archive("kernels", counts.kernels);
  archive("allocations", counts.allocations);
  archive("peak_kv_bytes", counts.peak_kv_bytes);
  archive("weights_bytes", counts.weights_bytes);
}

namespace {

/// What the answers to requests for several runs are called.
constexpr const char* kRuns = "runs";
constexpr const char* kProfiles = "profiles";

std::string as_line(const nlohmann::ordered_json& value) {
  return value.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

template <class T>
std::string list_line(const char* name, std::vector<T> values) {
  JsonWriter writer;
  writer(name, values);
  return as_line(writer.take());
}

/// An answer's document, unless it says what went wrong.
json parse_answer(std::string_view line, const std::string& source) {
  json document =
      engine::parse_json(line, fmt::format("{}: answer '{}'", source, engine::printable(line, 40)));
  if (document.is_object() && document.contains("error")) {
    std::string error;
    JsonReader(document, source)("error", error);
    fail(ErrorCode::invalid_argument, "{}: {}", source, engine::printable(error, 1000));
  }
  return document;
}

void expect_seconds(Seconds seconds, const std::string& path, const JsonReader& reader) {
  if (seconds < 0) {
    reader.wrong(path, "seconds, at least 0", fmt::format("{}", seconds));
  }
}

void check(const Sample& sample, const std::string& path, const JsonReader& reader) {
  const auto member = [&](const char* name) { return engine::detail::member(path, name); };
  expect_seconds(sample.total_seconds, member("total_seconds"), reader);
  expect_seconds(sample.time_to_first_token_seconds, member("time_to_first_token_seconds"), reader);
  if (sample.token_seconds.empty()) {
    reader.wrong(member("token_seconds"), "at least one token", "none");
  }
  for (std::size_t i = 0; i < sample.token_seconds.size(); ++i) {
    expect_seconds(sample.token_seconds[i], engine::detail::element(member("token_seconds"), i), reader);
  }
  if (sample.conditions && sample.conditions->steal_seconds) {
    expect_seconds(*sample.conditions->steal_seconds, member("conditions.steal_seconds"), reader);
  }
}

void check(const ChildProfile& profile, const std::string& path, const JsonReader& reader) {
  const auto member = [&](const char* name) { return engine::detail::member(path, name); };
  expect_seconds(profile.wall_seconds, member("wall_seconds"), reader);
  Seconds sum = profile.unattributed_seconds;
  for (std::size_t i = 0; i < profile.cost_centres.size(); ++i) {
    const Seconds seconds = profile.cost_centres[i].seconds;
    expect_seconds(seconds, engine::detail::element(member("cost_centres"), i) + ".seconds", reader);
    sum += seconds;
  }
  constexpr double kRounding = 1e-9;
  if (!(std::abs(sum - profile.wall_seconds) <= kRounding * std::max(profile.wall_seconds, 1.0))) {
    reader.wrong(member("wall_seconds"), fmt::format("{}, the sum of its parts", sum),
                 fmt::format("{}", profile.wall_seconds));
  }
}

template <class T>
std::vector<T> parse_list(std::string_view line, const char* name, std::int64_t n,
                          const std::string& source) {
  const json document = parse_answer(line, source);
  JsonReader reader(document, source);
  std::vector<T> values;
  reader(name, values);
  if (std::ssize(values) != n) {
    reader.wrong(name, fmt::format("{}, as asked", n), fmt::format("{}", values.size()));
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    check(values[i], engine::detail::element(name, i), reader);
  }
  return values;
}

}  // namespace

std::string to_line(const ChildHandshake& handshake) {
  ChildHandshake walked = handshake;  // the field lists take mutable values, because the reader fills them
  std::int64_t protocol = kChildProtocol;
  JsonWriter writer;
  writer("protocol", protocol);
  fields(writer, walked);
  return as_line(writer.take());
}

std::string to_line(const ChildRequest& request) {
  ChildRequest walked = request;
  JsonWriter writer;
  writer("do", walked.what);
  if (request.what == ChildRequest::Do::runs) {
    writer("n", walked.n);
  } else if (request.what == ChildRequest::Do::profile) {
    writer("runs", walked.n);
  }
  return as_line(writer.take());
}

std::string to_line(const Sample& sample) {
  return engine::to_json_text(sample);
}

std::string to_line(const std::vector<Sample>& samples) {
  return list_line(kRuns, samples);
}

std::string to_line(const std::vector<ChildProfile>& profiles) {
  return list_line(kProfiles, profiles);
}

std::string to_line(const ChildCounts& counts) {
  return engine::to_json_text(counts);
}

std::string error_line(std::string_view error, std::optional<int> exit_code) {
  nlohmann::ordered_json line;
  line["error"] = error;
  if (exit_code) {
    line["exit_code"] = *exit_code;
  }
  return as_line(line);
}

ChildHandshake parse_handshake(std::string_view line, const std::string& source) {
  const json document = parse_answer(line, source);
  JsonReader reader(document, source);
  std::int64_t protocol = 0;
  reader("protocol", protocol);  // first: another version may have other fields
  if (protocol != kChildProtocol) {
    reader.wrong("protocol", fmt::format("{}", kChildProtocol), fmt::format("{}", protocol));
  }
  ChildHandshake handshake;
  fields(reader, handshake);
  return handshake;
}

Sample parse_sample(std::string_view line, const std::string& source) {
  const json document = parse_answer(line, source);
  JsonReader reader(document, source);
  Sample sample;
  fields(reader, sample);
  check(sample, "", reader);
  return sample;
}

std::vector<Sample> parse_samples(std::string_view line, std::int64_t n, const std::string& source) {
  return parse_list<Sample>(line, kRuns, n, source);
}

std::vector<ChildProfile> parse_profiles(std::string_view line, std::int64_t n, const std::string& source) {
  return parse_list<ChildProfile>(line, kProfiles, n, source);
}

ChildCounts parse_counts(std::string_view line, const std::string& source) {
  return engine::from_json_value<ChildCounts>(parse_answer(line, source), source);
}

ChildRequest parse_request(std::string_view line) {
  const json document = engine::parse_json(line, "request");
  JsonReader reader(document, "request");
  ChildRequest request;
  reader("do", request.what);
  const char* count = request.what == ChildRequest::Do::runs      ? "n"
                      : request.what == ChildRequest::Do::profile ? "runs"
                                                                  : nullptr;
  if (count != nullptr) {
    reader(count, request.n);
    if (request.n < 1 || request.n > kMaxChildRuns) {
      reader.wrong(count, fmt::format("from 1 to {}", kMaxChildRuns), fmt::format("{}", request.n));
    }
  }
  return request;
}

}  // namespace reprise::harness
