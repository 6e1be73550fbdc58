# Writes the files of model folders into a C++ source: embedded_folders() of embedded.h.
#   cmake -DSOURCE_DIR=.../engine/model/builtin "-DNAMES=a,b" -DOUTPUT=embedded.cpp -P embed.cmake
function(append_bytes variable file)
  file(READ ${SOURCE_DIR}/${file} hex HEX)
  if(hex STREQUAL "")
    message(FATAL_ERROR "${file}: expected bytes, found none")
  endif()
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes ${hex})
  string(REPEAT "." 100 line)  # 20 bytes
  string(REGEX REPLACE "(${line})" "\\1\n" bytes ${bytes})
  set(text "${text}alignas(64) constexpr unsigned char ${variable}[] = {\n${bytes}};\n" PARENT_SCOPE)
endfunction()

set(text "// Written by engine/model/builtin/embed.cmake.
#include \"engine/model/builtin/embedded.h\"

namespace reprise::engine {
namespace {

")
set(entries)
string(REPLACE "," ";" names ${NAMES})
foreach(name ${names})
  append_bytes(k_${name}_config ${name}/config.json)
  append_bytes(k_${name}_tokenizer ${name}/tokenizer.json)
  append_bytes(k_${name}_weights ${name}/model.safetensors)
  string(APPEND entries "    {\"${name}\", text_of(k_${name}_config), text_of(k_${name}_tokenizer), "
    "std::as_bytes(std::span(k_${name}_weights))},\n")
endforeach()
string(APPEND text "
template <std::size_t n>
std::string_view text_of(const unsigned char (&bytes)[n]) {
  return {reinterpret_cast<const char*>(bytes), n};
}

}  // namespace

std::span<const EmbeddedFolder> embedded_folders() {
  static const EmbeddedFolder folders[] = {
${entries}  };
  return folders;
}

}  // namespace reprise::engine
")
file(WRITE ${OUTPUT} "${text}")
