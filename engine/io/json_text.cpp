#include "engine/io/json_text.h"

#include <set>
#include <vector>

#include "engine/core/error.h"
#include "engine/io/mapped_file.h"
#include "engine/io/printable.h"

namespace reprise::engine {

using nlohmann::json;

json parse_json(std::string_view text, const std::string& name, int max_depth) {
  std::vector<std::set<std::string>> open_objects;
  const auto watch = [&](int depth, json::parse_event_t event, json& parsed) {
    using Event = json::parse_event_t;
    if ((event == Event::object_start || event == Event::array_start) && depth >= max_depth) {
      fail(ErrorCode::invalid_data, "{}: expected JSON nested at most {} deep, found deeper", name,
           max_depth);
    }
    if (event == Event::object_start) {
      open_objects.emplace_back();
    } else if (event == Event::object_end) {
      open_objects.pop_back();
    } else if (event == Event::key) {
      const auto& key = parsed.get_ref<const std::string&>();
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
    return json::parse(text.begin(), text.end(), watch);
  } catch (const json::parse_error& error) {
    fail(ErrorCode::invalid_data, "{}: expected JSON, found a syntax error at byte {}", name, error.byte);
  } catch (const json::exception&) {
    fail(ErrorCode::invalid_data, "{}: expected JSON, found a number out of range", name);
  }
}

json read_json_file(const std::filesystem::path& path, int max_depth) {
  return parse_json(read_text_file(path), path.string(), max_depth);
}

}  // namespace reprise::engine
