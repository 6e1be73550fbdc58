#include "engine/io/csv.h"

#include "engine/core/error.h"

namespace reprise::engine {
namespace {

class CsvReader {
 public:
  CsvReader(std::string_view text, const std::string& source) : text_(text), source_(source) {
    constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
    if (text_.starts_with(kByteOrderMark)) {
      text_.remove_prefix(kByteOrderMark.size());
    }
  }

  std::vector<CsvRecord> records() {
    std::vector<CsvRecord> all;
    while (at_ < text_.size()) {
      if (end_of_line()) {
        continue;
      }
      CsvRecord record = next_record();
      if (!all.empty() && record.fields.size() != all.front().fields.size()) {
        fail(ErrorCode::invalid_data, "{}: line {}: expected {} fields as in the first line, found {}",
             source_, record.line, all.front().fields.size(), record.fields.size());
      }
      all.push_back(std::move(record));
    }
    return all;
  }

 private:
  /// Takes a line's end, if here is one.
  bool end_of_line() {
    const bool two = text_.substr(at_).starts_with("\r\n");
    if (!two && text_[at_] != '\n') {
      return false;
    }
    at_ += two ? 2 : 1;
    ++line_;
    return true;
  }

  CsvRecord next_record() {
    CsvRecord record;
    record.line = line_;
    for (;;) {
      record.fields.push_back(at_ < text_.size() && text_[at_] == '"' ? quoted_field() : plain_field());
      if (at_ == text_.size() || end_of_line()) {
        return record;
      }
      if (text_[at_] != ',') {
        wrong("a comma or the line's end after a closing quote", std::string(1, text_[at_]));
      }
      ++at_;
    }
  }

  std::string plain_field() {
    std::string field;
    while (at_ < text_.size() && text_[at_] != ',' && text_[at_] != '\n' &&
           !text_.substr(at_).starts_with("\r\n")) {
      if (text_[at_] == '"' || text_[at_] == '\0') {
        wrong("a field without quotes and zero bytes, or one in quotes",
              text_[at_] == '"' ? "\"" : "a zero byte");
      }
      field += text_[at_++];
    }
    return field;
  }

  std::string quoted_field() {
    const std::size_t first_line = line_;
    std::string field;
    for (++at_; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == '"' && !text_.substr(at_ + 1).starts_with('"')) {
        ++at_;
        return field;
      }
      if (c == '\0') {
        wrong("text", "a zero byte");
      }
      at_ += c == '"' ? 1 : 0;
      line_ += c == '\n' ? 1 : 0;
      field += c;
    }
    line_ = first_line;
    wrong("a closing quote", "the end of the file");
  }

  [[noreturn]] void wrong(std::string_view expected, const std::string& found) const {
    fail(ErrorCode::invalid_data, "{}: line {}: expected {}, found {}", source_, line_, expected, found);
  }

  std::string_view text_;
  const std::string& source_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
};

}  // namespace

std::vector<CsvRecord> read_csv(std::string_view text, const std::string& source) {
  return CsvReader(text, source).records();
}

std::string csv_line(const std::vector<std::string>& fields) {
  std::string line;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    line += i == 0 ? "" : ",";
    // An empty line would be no record.
    const bool is_all = fields.size() == 1 && fields[i].empty();
    if (fields[i].find_first_of(",\"\r\n") == std::string::npos && !is_all) {
      line += fields[i];
      continue;
    }
    line += '"';
    for (const char c : fields[i]) {
      line += c;
      line += c == '"' ? "\"" : "";
    }
    line += '"';
  }
  return line + "\n";
}

}  // namespace reprise::engine
