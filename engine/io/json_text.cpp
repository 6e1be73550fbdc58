#include "engine/io/json_text.h"

#include <limits>
#include <set>
#include <vector>

#include "engine/core/error.h"
#include "engine/io/mapped_file.h"
#include "engine/io/printable.h"

namespace reprise::engine {

using nlohmann::json;

namespace {

template <class Json>
Json parse(std::string_view text, const std::string& name, int max_depth, std::size_t max_keys) {
  std::vector<std::set<std::string>> open_objects;
  const auto watch = [&](int depth, typename Json::parse_event_t event, Json& parsed) {
    using Event = typename Json::parse_event_t;
    if ((event == Event::object_start || event == Event::array_start) && depth >= max_depth) {
      fail(ErrorCode::invalid_data, "{}: expected JSON nested at most {} deep, found deeper", name,
           max_depth);
    }
    if (event == Event::object_start) {
      open_objects.emplace_back();
    } else if (event == Event::object_end) {
      open_objects.pop_back();
    } else if (event == Event::key) {
      if (open_objects.back().size() == max_keys) {
        fail(ErrorCode::invalid_data, "{}: expected at most {} keys in an object, found more", name,
             max_keys);
      }
      const auto& key = parsed.template get_ref<const std::string&>();
      if (!open_objects.back().insert(key).second) {
        fail(ErrorCode::invalid_data, "{}: expected the key '{}' once in its object, found it twice", name,
             printable(key));
      }
    }
    return true;
  };
  if (const std::size_t nul = text.find('\0'); nul != std::string_view::npos) {
    // The library takes it for the end of the text, and would ignore what follows.
    fail(ErrorCode::invalid_data, "{}: expected JSON, found a zero byte at byte {}", name, nul);
  }
  try {
    return Json::parse(text.begin(), text.end(), watch);
  } catch (const typename Json::parse_error& error) {
    fail(ErrorCode::invalid_data, "{}: expected JSON, found a syntax error at byte {}", name, error.byte);
  } catch (const typename Json::exception&) {
    fail(ErrorCode::invalid_data, "{}: expected JSON, found a number out of range", name);
  }
}

}  // namespace

json parse_json(std::string_view text, const std::string& name, int max_depth) {
  return parse<json>(text, name, max_depth, std::numeric_limits<std::size_t>::max());
}

nlohmann::ordered_json parse_ordered_json(std::string_view text, const std::string& name, int max_depth) {
  return parse<nlohmann::ordered_json>(text, name, max_depth, 1024);
}

json read_json_file(const std::filesystem::path& path, int max_depth) {
  return parse_json(read_text_file(path), path.string(), max_depth);
}

}  // namespace reprise::engine
