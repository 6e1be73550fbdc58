/// reprise model train: a small decoder from nothing, on a text file.
#include <fmt/format.h>

#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>

#include "engine/core/error.h"
#include "engine/core/monotonic.h"
#include "engine/io/mapped_file.h"
#include "engine/model/convert.h"
#include "engine/train/documents.h"
#include "engine/train/trained_model.h"
#include "engine/train/trainer.h"
#include "tools/cli/app.h"
#include "tools/cli/flags.h"
#include "tools/cli/usage.h"

namespace reprise::cli {
namespace {

struct TrainFlags {
  std::string documents;
  std::string out;
  std::string config;
  engine::TrainingOptions options;
  bool json = false;
};

/// The folder of the new model: made before the training, so that a bad place is known at once, and taken
/// away again when there is nothing to put into it.
class NewFolder {
 public:
  explicit NewFolder(const std::string& path) : path_(path) {
    std::error_code error;
    if (std::filesystem::exists(path_, error)) {
      if (!std::filesystem::is_directory(path_, error)) {
        fail(ErrorCode::invalid_argument, "{}: expected a new or an empty folder, found a file", path);
      }
      const bool is_empty = std::filesystem::is_empty(path_, error);
      if (error || !is_empty) {
        fail(ErrorCode::invalid_argument, "{}: expected a new or an empty folder, found {}", path,
             error ? error.message() : "files in it");
      }
      return;
    }
    is_ours_ = std::filesystem::create_directory(path_, error);
    if (!is_ours_) {
      fail(ErrorCode::io, "{}: cannot make the folder: {}", path, error.message());
    }
  }
  ~NewFolder() {
    std::error_code ignored;
    if (is_ours_) {
      std::filesystem::remove(path_, ignored);  // does nothing to a folder with files
    }
  }
  NewFolder(const NewFolder&) = delete;
  NewFolder& operator=(const NewFolder&) = delete;

 private:
  std::filesystem::path path_;
  bool is_ours_ = false;
};

/// The mean of the latest losses, for the progress line.
class RecentLoss {
 public:
  void add(std::int64_t step, double loss) {
    double& oldest = losses_[static_cast<std::size_t>(step) % losses_.size()];
    sum_ += loss - oldest;
    oldest = loss;
    n_ = std::min(step + 1, std::ssize(losses_));
  }
  [[nodiscard]] double mean() const { return sum_ / static_cast<double>(n_); }

 private:
  std::vector<double> losses_ = std::vector<double>(engine::kFinalLossSteps);
  double sum_ = 0;
  std::int64_t n_ = 1;
};

/// Errors of the library name options; the command line has flags.
void check_flags(const engine::TrainingOptions& options) {
  try {
    engine::check_options(options);
  } catch (const Error& error) {
    std::string name = std::string(error.what()).substr(0, std::string_view(error.what()).find(':'));
    std::replace(name.begin(), name.end(), '_', '-');
    fail(error.code(), "--{}: {}", name, expectation(error));
  }
}

std::string result_json(const TrainFlags& flags, std::int64_t n_parameters, double final_loss,
                        double steps_per_second) {
  nlohmann::ordered_json json;
  json["path"] = flags.out;
  json["parameters"] = n_parameters;
  json["steps"] = flags.options.steps;
  json["seed"] = std::to_string(flags.options.seed);  // JavaScript's numbers end at 2^53
  json["final_loss"] = final_loss;
  json["steps_per_second"] = steps_per_second;
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

engine::TrainingResult train(const engine::ModelConfig& config, const engine::Documents& documents,
                             const engine::TrainingOptions& options) {
  ProgressLine progress;
  RecentLoss recent;
  try {
    return engine::train(config, documents.documents, options, [&](std::int64_t step, double loss) {
      recent.add(step, loss);
      progress.show(fmt::format("step {} of {}, loss {:.3f}", step + 1, options.steps, recent.mean()));
    });
  } catch (const Error& error) {
    progress.clear();
    fail(error.code(), "--learning-rate: {}", expectation(error));
  }
}

void run_train(const TrainFlags& flags) {
  check_flags(flags.options);
  const engine::Documents documents = engine::read_documents(flags.documents);
  const std::string config_name = flags.config.empty() ? "microgpt" : flags.config;
  const std::string given = flags.config.empty() ? std::string(engine::microgpt_config_json())
                                                 : engine::read_text_file(flags.config);
  const engine::ModelConfig config = engine::training_config(given, config_name, documents);
  engine::check_trainable(config, documents.longest(), config_name);
  const NewFolder folder(flags.out);

  const double start = engine::monotonic_seconds();
  const engine::TrainingResult trained = train(config, documents, flags.options);
  const double rate = static_cast<double>(flags.options.steps) / (engine::monotonic_seconds() - start);
  engine::write_hugging_face(
      *engine::make_trained_model(flags.out, config, trained.parameters, documents.characters), flags.out);

  const std::int64_t n_final = std::min(engine::kFinalLossSteps, flags.options.steps);
  write_output("-", flags.json
                        ? result_json(flags, config.n_parameters(), trained.final_loss, rate)
                        : fmt::format("{}: {}, {} parameters, {} documents, {} steps at {:.0f} steps/s, "
                                      "loss {:.4f} nats a token (mean of the last {})\n",
                                      flags.out, config.architecture, config.n_parameters(),
                                      documents.documents.size(), flags.options.steps, rate,
                                      trained.final_loss, n_final));
}

}  // namespace

void add_model_train(CLI::App& model, int& /*exit_code*/) {
  auto* command = model.add_subcommand("train", "Train a small decoder on the lines of a text file");
  set_examples(
      *command,
      "Each line is a document, each character a token; one document a step, Adam, a learning rate that\n"
      "falls to 0. The same command gives the same weights on every run of one build and machine.\n\n"
      "Examples:\n"
      "  reprise model train names.txt names\n"
      "  reprise generate names --prompt em --temperature 0.7 --seed 1\n"
      "  reprise model train poems.txt poems --config config.json --steps 5000 --learning-rate 0.003\n");
  auto flags = std::make_shared<TrainFlags>();
  command
      ->add_option(
          "DOCUMENTS", flags->documents,
          "A text file in UTF-8, a document a line; its characters become the vocabulary, with one more "
          "token that begins and ends documents")
      ->type_name("")
      ->required();
  command
      ->add_option(
          "OUT", flags->out,
          "The folder of the new model: config.json, model.safetensors, tokenizer.json. It must be new "
          "or empty")
      ->type_name("")
      ->required();
  command->add_option("--config", flags->config,
                      "A config.json of any architecture that the engine runs; its vocabulary is replaced. "
                      "Default: microgpt, 1 layer, width 16, 4 heads, context 16");
  auto& o = flags->options;
  command->add_option("--steps", o.steps, "Documents to learn from, again and again (default 1000)");
  command
      ->add_option(
          "--seed", o.seed,
          "Of the initial weights and the order of documents (default 42); equal seeds, equal weights")
      ->check(whole_number(0, std::numeric_limits<std::uint64_t>::max()));
  command->add_option("--learning-rate", o.learning_rate, "Of the first step (default 0.01)")->group("Adam");
  command->add_option("--beta1", o.beta1, "Decay of the mean gradient (default 0.85)")->group("Adam");
  command->add_option("--beta2", o.beta2, "Decay of the mean squared gradient (default 0.99)")->group("Adam");
  command->add_option("--eps", o.eps, "Added to its root (default 1e-8)")->group("Adam");
  command->add_option("--init-std", o.init_std, "Standard deviation of the initial weights (default 0.08)")
      ->group("Adam");
  command->add_flag("--json", flags->json,
                    "Print {path, parameters, steps, seed, final_loss, steps_per_second}");
  command->callback([flags] { run_train(*flags); });
}

}  // namespace reprise::cli
