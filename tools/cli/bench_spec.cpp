#include "tools/cli/bench_spec.h"

#include <algorithm>
#include <array>

#include "engine/core/error.h"
#include "engine/io/json_archive.h"
#include "engine/io/json_text.h"
#include "engine/io/mapped_file.h"
#include "tools/cli/flags.h"

namespace reprise::cli {
namespace {

using engine::JsonReader;
using nlohmann::json;

constexpr const char* kSchema = "reprise.spec/1";

/// A matrix larger than this is a mistake in the specification.
constexpr std::size_t kMaxPlacements = 1024;

/// In the order of the tables' columns. JSON objects have no order, so this one decides which key varies
/// fastest.
constexpr std::array kPlacementKeys = {"backend",      "isa",     "precision", "kv_cache",
                                       "kv_precision", "threads", "numerics"};

enum class Mode { automatic, free, forced };

/// The parts of a specification that are plain fields; placements are read apart.
struct Document {
  std::string schema;
  std::string name;
  std::optional<std::string> description;
  std::optional<std::vector<std::string>> captures;
  Mode mode = Mode::automatic;
  std::optional<std::int64_t> seed;
  std::optional<bool> profile;
};

struct MeasureSection {
  std::optional<std::int64_t> warmup_runs;
  std::optional<std::int64_t> min_runs;
  std::optional<std::int64_t> max_runs;
  std::optional<double> min_seconds;
  std::optional<double> target_half_width;
  std::optional<double> confidence;
  std::optional<double> budget_seconds;
};

template <class Archive>
void fields(Archive& archive, MeasureSection& measure) {
  archive("warmup_runs", measure.warmup_runs);
  archive("min_runs", measure.min_runs);
  archive("max_runs", measure.max_runs);
  archive("min_seconds", measure.min_seconds);
  archive("target_half_width", measure.target_half_width);
  archive("confidence", measure.confidence);
  archive("budget_seconds", measure.budget_seconds);
}

template <class To, class From>
void assign_if(To& to, const std::optional<From>& from) {
  if (from) {
    to = static_cast<To>(*from);
  }
}

harness::MedianRuleOptions to_options(const MeasureSection& section) {
  harness::MedianRuleOptions options;
  assign_if(options.warmup_runs, section.warmup_runs);
  assign_if(options.min_runs, section.min_runs);
  assign_if(options.max_runs, section.max_runs);
  assign_if(options.target_half_width, section.target_half_width);
  assign_if(options.confidence, section.confidence);
  assign_if(options.budget_seconds, section.budget_seconds);
  options.min_seconds = section.min_seconds.value_or(default_min_seconds(options.budget_seconds));
  return options;
}

/// Errors of the engine and of the stopping rule end with "FIELD: expected ..., found ..."; here they get the
/// file and the field's place in it.
[[noreturn]] void refuse(const JsonReader& reader, const std::string& path, const Error& error) {
  const std::string text = error.what();
  const std::size_t expected = text.find(": expected ");
  const std::size_t found = text.rfind(", found ");
  if (expected == std::string::npos || found == std::string::npos) {
    throw error;
  }
  const std::size_t field = text.rfind(' ', expected) + 1;  // 0 where the text begins with it
  const std::size_t what = expected + std::string_view(": expected ").size();
  reader.wrong(engine::detail::member(path, text.substr(field, expected - field)),
               text.substr(what, found - what), text.substr(found + std::string_view(", found ").size()));
}

/// One value of a placement key, as the flags spell it.
std::string spelled(const json& value, const std::string& path, const JsonReader& reader) {
  if (value.is_string()) {
    return value.get<std::string>();
  }
  if (value.is_number_integer()) {
    return value.dump();
  }
  reader.wrong(path, "a string, a whole number, or a list of them",
               value.is_number() ? value.dump() : value.type_name());
}

void refuse_unknown_keys(const json& block, const std::string& path, const JsonReader& reader) {
  for (const auto& [key, values] : block.items()) {
    if (std::find(kPlacementKeys.begin(), kPlacementKeys.end(), key) == kPlacementKeys.end()) {
      reader.wrong(engine::detail::member(path, engine::printable(key)),
                   fmt::format("one of the keys {}", fmt::join(kPlacementKeys, ", ")), "an unknown key");
    }
  }
}

void limit_combinations(std::size_t n_placements, const std::string& path, const JsonReader& reader) {
  if (n_placements > kMaxPlacements) {
    reader.wrong(path, fmt::format("at most {} combinations", kMaxPlacements),
                 fmt::format("{}", n_placements));
  }
}

/// Each of `placements` with each value of one key.
std::vector<engine::Placement> with_each(const std::vector<engine::Placement>& placements, const char* key,
                                         const json& values, const std::string& block_path,
                                         const JsonReader& reader) {
  const std::string path = engine::detail::member(block_path, key);
  const json list = values.is_array() ? values : json::array({values});
  if (list.empty()) {
    reader.wrong(path, "at least one value", "an empty list");
  }
  limit_combinations(placements.size() * list.size(), block_path, reader);
  std::vector<engine::Placement> expanded;
  for (const engine::Placement& placement : placements) {
    for (const json& value : list) {
      const std::string text = spelled(value, path, reader);
      try {
        engine::set_placement(expanded.emplace_back(placement), key, text);
      } catch (const Error& error) {
        refuse(reader, block_path, error);
      }
    }
  }
  return expanded;
}

/// Every combination of one block's values, the last key of kPlacementKeys varying fastest.
std::vector<engine::Placement> expand(const json& block, const std::string& path, const JsonReader& reader) {
  if (!block.is_object()) {
    reader.wrong(path, "an object of placement keys", block.type_name());
  }
  refuse_unknown_keys(block, path, reader);
  std::vector<engine::Placement> placements = {engine::Placement{}};
  for (const char* key : kPlacementKeys) {
    const auto values = block.find(key);
    if (values == block.end()) {
      continue;
    }
    placements = with_each(placements, key, *values, path, reader);
  }
  return placements;
}

std::vector<engine::Placement> read_placements(const json& blocks, const JsonReader& reader) {
  if (!blocks.is_array() || blocks.empty()) {
    reader.wrong("placements", "a list of at least one block",
                 blocks.is_array() ? "none" : blocks.type_name());
  }
  std::vector<engine::Placement> placements;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const std::string path = fmt::format("placements[{}]", i);
    for (const engine::Placement& placement : expand(blocks[i], path, reader)) {
      try {
        const engine::Placement actual = engine::resolved(placement);
        if (std::find(placements.begin(), placements.end(), actual) == placements.end()) {
          placements.push_back(actual);
        }
      } catch (const Error& error) {
        refuse(reader, path, error);
      }
    }
    limit_combinations(placements.size(), "placements", reader);
  }
  return placements;
}

}  // namespace
}  // namespace reprise::cli

namespace reprise::engine {

template <>
struct JsonEnum<reprise::cli::Mode> {
  static constexpr std::array kNames = {std::pair{cli::Mode::automatic, std::string_view("auto")},
                                        std::pair{cli::Mode::free, std::string_view("free")},
                                        std::pair{cli::Mode::forced, std::string_view("forced")}};
};

}  // namespace reprise::engine

namespace reprise::cli {
namespace {

/// Keys of the document, all but "placements" with a default.
Document read_document(JsonReader& reader, const json& document, std::optional<MeasureSection>& measure) {
  Document d;
  reader("schema", d.schema);
  if (d.schema != kSchema) {
    reader.wrong("schema", kSchema, engine::printable(d.schema));
  }
  reader("name", d.name);
  reader("description", d.description);
  reader("captures", d.captures);
  std::optional<Mode> mode;
  reader("mode", mode);
  d.mode = mode.value_or(Mode::automatic);
  reader("seed", d.seed);
  reader("profile", d.profile);
  reader("measure", measure);
  reader.allow("placements");
  reader.finish();
  if (!document.contains("placements")) {
    reader.wrong("placements", "a list of at least one block", "nothing");
  }
  return d;
}

}  // namespace

BenchSpec parse_bench_spec(std::string_view text, const std::string& name,
                           const std::filesystem::path& folder) {
  const json document = engine::parse_json(text, name);
  JsonReader reader(document, name, "", engine::UnknownFields::refused);
  std::optional<MeasureSection> measure;
  const Document d = read_document(reader, document, measure);
  BenchSpec spec;
  spec.name = d.name;
  for (const std::string& capture : d.captures.value_or(std::vector<std::string>{})) {
    spec.captures.push_back(folder / capture);  // an absolute path replaces the folder
  }
  spec.placements = read_placements(document["placements"], reader);
  spec.measure = to_options(measure.value_or(MeasureSection{}));
  assign_if(spec.seed, d.seed);
  assign_if(spec.profile, d.profile);
  if (d.mode != Mode::automatic) {
    spec.mode = d.mode == Mode::free ? harness::ReplayMode::free : harness::ReplayMode::forced;
  }
  try {
    harness::MedianRule checked(spec.measure);
  } catch (const Error& error) {
    refuse(reader, "measure", error);
  }
  return spec;
}

BenchSpec read_bench_spec(const std::filesystem::path& path) {
  return parse_bench_spec(engine::read_text_file(path), path.string(), path.parent_path());
}

}  // namespace reprise::cli
