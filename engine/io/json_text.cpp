#include "engine/io/json_text.h"

#include <limits>
#include <utility>
#include <vector>

#include "engine/core/error.h"
#include "engine/io/mapped_file.h"
#include "engine/io/printable.h"

namespace reprise::engine {

using nlohmann::json;

namespace {

/// Builds the value from what the parser reads. Not with the library's callback, which walks all earlier
/// siblings at the end of each object.
template <class Json>
class StrictReader final : public nlohmann::json_sax<Json> {
 public:
  StrictReader(const std::string& name, int max_depth, std::size_t max_keys)
      : name_(name), max_depth_(static_cast<std::size_t>(max_depth)), max_keys_(max_keys) {}

  Json read(std::string_view text) && {
    if (const std::size_t nul = text.find('\0'); nul != std::string_view::npos) {
      // The library takes it for the end of the text, and would ignore what follows.
      fail(ErrorCode::invalid_data, "{}: expected JSON, found a zero byte at byte {}", name_, nul);
    }
    Json::sax_parse(text.begin(), text.end(), this);
    return std::move(root_);
  }

  bool null() override { return add(nullptr); }
  bool boolean(bool value) override { return add(value); }
  bool number_integer(typename Json::number_integer_t value) override { return add(value); }
  bool number_unsigned(typename Json::number_unsigned_t value) override { return add(value); }
  bool number_float(typename Json::number_float_t value, const std::string& /*text*/) override {
    return add(value);
  }
  bool string(std::string& value) override { return add(std::move(value)); }
  bool binary(typename Json::binary_t& value) override { return add(std::move(value)); }
  bool start_object(std::size_t /*size*/) override { return open(Json::object()); }
  bool start_array(std::size_t /*size*/) override { return open(Json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }

  bool key(std::string& key) override {
    Json& object = *open_.back();
    if (object.size() == max_keys_) {
      fail(ErrorCode::invalid_data, "{}: expected at most {} keys in an object, found more", name_,
           max_keys_);
    }
    const auto [member, is_new] = object.emplace(key, nullptr);
    if (!is_new) {
      fail(ErrorCode::invalid_data, "{}: expected the key '{}' once in its object, found it twice", name_,
           printable(key));
    }
    member_ = &*member;
    return true;
  }

  bool parse_error(std::size_t byte, const std::string& /*token*/,
                   const typename Json::exception& error) override {
    if (dynamic_cast<const typename Json::parse_error*>(&error) == nullptr) {
      fail(ErrorCode::invalid_data, "{}: expected JSON, found a number out of range", name_);
    }
    fail(ErrorCode::invalid_data, "{}: expected JSON, found a syntax error at byte {}", name_, byte);
  }

 private:
  Json& place(Json value) {
    if (open_.empty()) {
      return root_ = std::move(value);
    }
    if (open_.back()->is_array()) {
      return open_.back()->emplace_back(std::move(value));
    }
    return *member_ = std::move(value);
  }

  bool add(Json value) {
    place(std::move(value));
    return true;
  }

  bool open(Json container) {
    if (open_.size() >= max_depth_) {
      fail(ErrorCode::invalid_data, "{}: expected JSON nested at most {} deep, found deeper", name_,
           max_depth_);
    }
    open_.push_back(&place(std::move(container)));
    return true;
  }

  bool close() {
    open_.pop_back();
    return true;
  }

  const std::string& name_;
  std::size_t max_depth_;
  std::size_t max_keys_;
  Json root_;
  std::vector<Json*> open_;  // from the outermost; none of them moves while it is open
  Json* member_ = nullptr;   // of the innermost object, whose value comes next
};

}  // namespace

json parse_json(std::string_view text, const std::string& name, int max_depth) {
  return StrictReader<json>(name, max_depth, std::numeric_limits<std::size_t>::max()).read(text);
}

nlohmann::ordered_json parse_ordered_json(std::string_view text, const std::string& name, int max_depth) {
  return StrictReader<nlohmann::ordered_json>(name, max_depth, 1024).read(text);
}

json read_json_file(const std::filesystem::path& path, int max_depth) {
  return parse_json(read_text_file(path), path.string(), max_depth);
}

}  // namespace reprise::engine
