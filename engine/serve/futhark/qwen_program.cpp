#include "engine/serve/futhark/qwen_program.h"

#include <algorithm>
#include <limits>

#include "engine/core/error.h"
#include "engine/serve/futhark/event_log.h"

namespace reprise::engine::futhark {
namespace {

constexpr double kTheta = 1e6;

/// sum of 0 .. n in arithmetic modulo 2^64; 0 for n below 1.
std::int64_t sum_to(std::int64_t n) {
  if (n < 1) {
    return 0;
  }
  std::uint64_t a = static_cast<std::uint64_t>(n);
  std::uint64_t b = a + 1;
  (a % 2 == 0 ? a : b) /= 2;
  return static_cast<std::int64_t>(a * b);
}

/// sum of 0^2 .. n^2 = n (n + 1) (2 n + 1) / 6, likewise: divided before it can wrap around.
std::int64_t sum_of_squares_to(std::int64_t n) {
  if (n < 1) {
    return 0;
  }
  std::uint64_t a = static_cast<std::uint64_t>(n);
  std::uint64_t b = a + 1;
  std::uint64_t c = a + b;
  (a % 3 == 0 ? a : b % 3 == 0 ? b : c) /= 3;
  (a % 2 == 0 ? a : b) /= 2;
  return static_cast<std::int64_t>(a * b * c);
}

std::int64_t i64_of(const Value& value) {
  return std::get<Array>(value).as_i64();
}

template <class T>
std::shared_ptr<T> record_of(const Value& value) {
  return std::static_pointer_cast<T>(std::get<std::shared_ptr<Record>>(value));
}

/// As the programs look tokens up: beyond the vocabulary is its last one.
std::vector<TokenId> token_ids(const std::vector<std::int64_t>& xs, std::int64_t n_vocab) {
  std::vector<TokenId> ids;
  ids.reserve(xs.size());
  for (std::size_t i = 0; i < xs.size(); ++i) {
    if (xs[i] < 0) {
      fail(ErrorCode::invalid_argument, "gen: xs[{}]: expected a token id, found {}", i, xs[i]);
    }
    ids.push_back(static_cast<TokenId>(std::min(xs[i], n_vocab - 1)));
  }
  return ids;
}

class QwenProgram {
 public:
  explicit QwenProgram(QwenOptions options)
      : options_(std::move(options)),
        params_type_(params_type(options_.element)),
        cache_type_(cache_type(options_.element)),
        result_type_(std::make_shared<const RecordType>(
            RecordType{"([]i64, Cache)", {{"0", "[]i64"}, {"1", "Cache"}}})),
        theta_(options_.model == nullptr ? kTheta : options_.model->config().rope_theta) {}

  [[nodiscard]] RecordKind params_kind() const {
    return {params_type_, [type = params_type_](std::vector<Value> fields) -> std::shared_ptr<Record> {
              return std::make_shared<Params>(type, std::move(fields));
            }};
  }
  [[nodiscard]] RecordKind cache_kind() const {
    return {cache_type_,
            [type = cache_type_, theta = theta_](std::vector<Value> fields) -> std::shared_ptr<Record> {
              return std::make_shared<Cache>(type, std::move(fields), theta);
            }};
  }
  [[nodiscard]] RecordKind result_kind() const {
    return {result_type_, [type = result_type_](std::vector<Value> fields) -> std::shared_ptr<Record> {
              return std::make_shared<Tuple>(type, std::move(fields));
            }};
  }

  [[nodiscard]] Value init(std::span<const Value> inputs) const {
    const CacheShape shape{i64_of(inputs[0]), i64_of(inputs[1]), i64_of(inputs[2]), i64_of(inputs[3])};
    return std::make_shared<Cache>(cache_type_, shape, theta_);
  }

  [[nodiscard]] Value params() { return model_params(); }

  Value gen(std::span<const Value> inputs) {
    const GenInputs in{i64_of(inputs[0]),
                       std::get<Array>(inputs[1]).as_i64s(),
                       known(record_of<Params>(inputs[2])),
                       record_of<Cache>(inputs[3]),
                       i64_of(inputs[4]),
                       i64_of(inputs[5])};
    std::vector<std::int64_t> generated;
    if (const auto request = request_of(in)) {
      Session& session = in.cache->session(*in.params, options_.placement, in.xsat);
      const GenerateResult result = perform(session, with_history(*request, session));
      generated.assign(result.generated_ids.begin(), result.generated_ids.end());
    }
    std::vector<Value> fields = {Array::of_i64s(generated), in.cache->hand_over()};
    return std::make_shared<Tuple>(result_type_, std::move(fields));
  }

  [[nodiscard]] std::string report() const { return events_.to_json(); }
  void pause_profiling(bool pause) { paused_ = pause; }
  void clear_profile() { events_.clear(); }

 private:
  /// The Params of MODEL in place of a client's with the same weights: captures can name that model, and the
  /// weights are placed once.
  std::shared_ptr<const Params> known(std::shared_ptr<const Params> given) {
    if (options_.model == nullptr || given == model_params_) {
      return given;
    }
    if (compared_.lock() != given) {
      compared_is_model_ = !given->first_difference(*model_params());
      compared_ = given;
    }
    return compared_is_model_ ? model_params_ : given;
  }
  std::shared_ptr<Params> model_params() {
    if (model_params_ == nullptr) {
      model_params_ = std::make_shared<Params>(params_type_, options_.model);
    }
    return model_params_;
  }
  static GenerateRequest with_history(GenerateRequest request, const Session& session) {
    const std::vector<TokenId>& history = session.history();
    request.prompt_ids.insert(request.prompt_ids.begin(), history.begin(), history.end());
    return request;
  }

  GenerateResult perform(Session& session, const GenerateRequest& request) {
    if (!options_.profile || paused_) {
      return options_.perform(session, request, nullptr);
    }
    struct Observing {
      Backend& backend;
      ~Observing() { backend.observe(nullptr); }
    } observing{session.backend()};
    session.backend().observe(&events_);
    GenerateResult result = options_.perform(session, request, nullptr);
    events_.note_memory("weights", session.weights()->bytes);
    events_.note_memory("kv", session.cache().live_bytes());
    events_.note_memory("activations", session.decoder().activation_bytes());
    return result;
  }

  QwenOptions options_;
  std::shared_ptr<const RecordType> params_type_;
  std::shared_ptr<Params> model_params_;  // once somebody asked for them
  std::weak_ptr<const Params> compared_;  // with MODEL's; they belong to the client
  bool compared_is_model_ = false;
  std::shared_ptr<const RecordType> cache_type_;
  std::shared_ptr<const RecordType> result_type_;
  double theta_;
  EventLog events_;
  bool paused_ = false;
};

EntryPoint tool(const char* name, std::int64_t (*f)(std::int64_t)) {
  return {name, {{"i64"}}, "i64", [f](std::span<const Value> inputs) -> Value {
            return Array::of_i64(f(i64_of(inputs[0])));
          }};
}

std::vector<EntryPoint> entry_points_of(const std::shared_ptr<QwenProgram>& qwen, bool with_params) {
  std::vector<EntryPoint> entries = {
      {"init",
       {{"i64"}, {"i64"}, {"i64"}, {"i64"}},
       "Cache",
       [qwen](std::span<const Value> inputs) { return qwen->init(inputs); }},
      {"gen",
       {{"i64"}, {"[]i64"}, {"Params"}, {"Cache", true}, {"i64"}, {"i64"}},
       "([]i64, Cache)",
       [qwen](std::span<const Value> inputs) { return qwen->gen(inputs); }},
      tool("tool_sumN1_sum_of_first_n_integers", &sum_to),
      tool("tool_sumN2_sum_of_squares_of_first_n_integers", &sum_of_squares_to),
  };
  if (with_params) {
    entries.push_back({"params", {}, "Params", [qwen](std::span<const Value>) { return qwen->params(); }});
  }
  return entries;
}

/// Every type that an entry point or a record mentions, each once, by name.
std::vector<std::string> types_of(const Program& program) {
  std::vector<std::string> types = {"i64", "[]i64"};
  for (const RecordKind& record : program.records) {
    types.push_back(record.type->name);
    for (const RecordField& field : record.type->fields) {
      types.push_back(field.type);
    }
  }
  std::ranges::sort(types);
  const auto repeated = std::ranges::unique(types);
  types.erase(repeated.begin(), repeated.end());
  return types;
}

}  // namespace

std::optional<DType> qwen_element(std::string_view program_name) {
  if (program_name == "qwen-f32") {
    return DType::f32;
  }
  return program_name == "qwen-f16" ? std::optional(DType::f16) : std::nullopt;
}

Placement qwen_placement(DType element) {
  Placement placement;
  placement.precision = std::string(name_of(element));
  placement.kv_precision = element;
  return placement;
}

/// The programs' loop: while i < max_new_tokens && xsat + i < cs && the last token is not eos (before the
/// first one, 0 is), where xsat is what is cached so far and i the tokens drawn so far.
std::optional<GenerateRequest> request_of(const GenInputs& in) {
  const std::int64_t n_positions = in.cache->shape().n_positions;
  if (in.max_new_tokens < 0) {
    fail(ErrorCode::invalid_argument, "gen: max_new_tokens: expected at least 0, found {}",
         in.max_new_tokens);
  }
  if (in.max_new_tokens == 0 || in.xsat >= n_positions || in.eos_token_id == 0) {
    return std::nullopt;
  }
  // Of a negative xsat, room is not asked: the difference could overflow.
  const std::int64_t room = in.xsat < 0 ? 0 : n_positions - in.xsat - std::ssize(in.xs);
  if (in.xsat < 0 || in.xs.empty() || room < 0) {
    fail(ErrorCode::invalid_argument,
         "gen: xs: expected from 1 to {} tokens at position {} of {}, found {} at {}",
         n_positions - std::max<std::int64_t>(in.xsat, 0), std::max<std::int64_t>(in.xsat, 0), n_positions,
         in.xs.size(), in.xsat);
  }
  GenerateRequest request;
  request.prompt_ids = token_ids(in.xs, in.params->config().n_vocab);
  request.max_new_tokens = std::min(in.max_new_tokens, 1 + room / 2);
  if (in.eos_token_id > 0 && in.eos_token_id <= std::numeric_limits<TokenId>::max()) {
    request.eos_ids = {static_cast<TokenId>(in.eos_token_id)};
  }
  return request;
}

Program make_qwen_program(QwenOptions options) {
  const bool with_params = options.model != nullptr;
  const auto qwen = std::make_shared<QwenProgram>(std::move(options));
  Program program;
  program.records = {qwen->params_kind(), qwen->cache_kind(), qwen->result_kind()};
  program.entry_points = entry_points_of(qwen, with_params);
  program.types = types_of(program);
  program.report = [qwen] { return qwen->report(); };
  program.pause_profiling = [qwen](bool pause) { qwen->pause_profiling(pause); };
  program.clear_profile = [qwen] { qwen->clear_profile(); };
  return program;
}

}  // namespace reprise::engine::futhark
