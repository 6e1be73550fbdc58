/// A capture's file taken apart, to be changed and put together again with a digest that is valid: what a
/// program that writes captures wrongly, or with intent, would leave. Independent of the engine's writer.
#pragma once

#include <cstring>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "engine/core/digest.h"
#include "engine/tests/io/io_test_support.h"

namespace reprise::engine {

class EditedCapture {
 public:
  explicit EditedCapture(const std::string& file) {
    std::uint64_t length = 0;
    std::memcpy(&length, file.data(), sizeof(length));
    header = nlohmann::ordered_json::parse(file.substr(8, length));
    for (const auto& [name, entry] : header.items()) {
      if (name != "__metadata__") {
        const auto begin = entry.at("data_offsets").at(0).get<std::size_t>();
        const auto end = entry.at("data_offsets").at(1).get<std::size_t>();
        data[name] = file.substr(8 + length + begin, end - begin);
      }
    }
  }

  [[nodiscard]] std::string metadata(const std::string& key) const { return header["__metadata__"][key]; }
  void set_metadata(const std::string& key, const std::string& value) { header["__metadata__"][key] = value; }
  void remove_metadata(const std::string& key) { header["__metadata__"].erase(key); }

  /// Replaces one member of a metadata entry that holds a JSON object.
  void set_member(const std::string& key, const std::string& member, const nlohmann::json& value) {
    auto object = nlohmann::ordered_json::parse(metadata(key));
    object[member] = value;
    set_metadata(key, object.dump());
  }
  void remove_member(const std::string& key, const std::string& member) {
    auto object = nlohmann::ordered_json::parse(metadata(key));
    object.erase(member);
    set_metadata(key, object.dump());
  }

  void remove_tensor(const std::string& name) {
    header.erase(name);
    data.erase(name);
  }
  template <class T>
  void set_element(const std::string& name, std::size_t index, T value) {
    std::memcpy(data.at(name).data() + index * sizeof(T), &value, sizeof(T));
  }

  /// The file: tensors in the header's order, offsets computed anew, and the digest where it still stands
  /// last.
  [[nodiscard]] std::string assembled() const {
    nlohmann::ordered_json head = header;
    std::string payload;
    for (auto& [name, entry] : head.items()) {
      if (name == "__metadata__") {
        continue;
      }
      const std::string& bytes = data.at(name);
      entry["data_offsets"] = {payload.size(), payload.size() + bytes.size()};
      payload += bytes;
    }
    const std::string text = head.dump();
    const std::uint64_t length = text.size();
    std::string file(sizeof(length), '\0');
    std::memcpy(file.data(), &length, sizeof(length));
    file += text + payload;
    if (!head.empty() && std::prev(head.end()).key() == "digest.sha256" &&
        data.at("digest.sha256").size() == 32) {
      const Sha256Digest digest = sha256(bytes_of(std::string_view(file).substr(0, file.size() - 32)));
      std::memcpy(file.data() + file.size() - 32, digest.data(), digest.size());
    }
    return file;
  }

  nlohmann::ordered_json header;
  std::map<std::string, std::string> data;  ///< bytes of each tensor
};

}  // namespace reprise::engine
