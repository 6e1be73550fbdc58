// The model that ships is what its README's command makes, to the last byte.
#include <gtest/gtest.h>

#include "engine/model/convert.h"
#include "engine/tests/io/io_test_support.h"
#include "engine/tests/support/data.h"
#include "engine/train/documents.h"
#include "engine/train/trained_model.h"
#include "engine/train/trainer.h"

namespace reprise::engine {
namespace {

TEST(BuiltinNightly, NamesAreTrainedAsTheirReadmeSays) {
  REPRISE_NEEDS_DATA("microgpt/names.txt");
  const Documents documents = read_documents(reprise::testing::external_data() / "microgpt/names.txt");
  const ModelConfig config = training_config(microgpt_config_json(), "microgpt", documents);
  TrainingResult trained =
      train(config, documents.documents, {.steps = 20'000, .seed = 42}, [](std::int64_t, double) {});
  EXPECT_NEAR(trained.final_loss, 2.1850, 0.00005);
  const ScratchFolder folder;
  write_hugging_face(
      *make_trained_model("names", config, std::move(trained.parameters), documents.characters),
      folder.path());
  const std::filesystem::path shipped =
      std::filesystem::path(REPRISE_SOURCE_DIR) / "engine/model/builtin/names";
  for (const std::string& name : folder.names()) {
    EXPECT_EQ(read_raw(folder / name), read_raw(shipped / name)) << name;
  }
}

}  // namespace
}  // namespace reprise::engine
