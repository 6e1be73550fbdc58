/// Documents against the published JSON Schemas, by a validator that is not ours.
#pragma once

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validator.hpp>

namespace reprise::testing {

class JsonSchema {
 public:
  /// "report.schema.json" of specs/schema. It may refer to others there.
  explicit JsonSchema(const std::string& file) : document_(parsed(file)) {
    valijson::SchemaParser parser(valijson::SchemaParser::kDraft7);
    const auto fetch = [](const std::string& other) { return new nlohmann::json(parsed(other)); };
    const auto free = [](const nlohmann::json* other) { delete other; };
    parser.populateSchema(valijson::adapters::NlohmannJsonAdapter(document_), schema_, fetch, free);
  }

  /// "" when the schema accepts the document, else its reasons.
  [[nodiscard]] std::string complaint(const nlohmann::json& document) const {
    // Strong types: the text "7" is not a number.
    valijson::Validator validator(valijson::Validator::kStrongTypes);
    valijson::ValidationResults results;
    if (validator.validate(schema_, valijson::adapters::NlohmannJsonAdapter(document), &results)) {
      return "";
    }
    std::string reasons = "refused:";
    for (valijson::ValidationResults::Error error; results.popError(error);) {
      reasons += " " + error.description;
    }
    return reasons;
  }

  [[nodiscard]] const nlohmann::json& document() const { return document_; }

 private:
  static nlohmann::json parsed(const std::string& file) {
    std::ifstream stream(std::string(REPRISE_SOURCE_DIR "/specs/schema/") + file);
    return nlohmann::json::parse(stream);
  }

  nlohmann::json document_;
  valijson::Schema schema_;
};

}  // namespace reprise::testing
