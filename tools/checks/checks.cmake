# The checks of the project on itself, as tests and, for headers, as a part of the build.

# Every header compiles alone: one generated source for each.
file(GLOB_RECURSE headers RELATIVE ${PROJECT_SOURCE_DIR} CONFIGURE_DEPENDS
  ${PROJECT_SOURCE_DIR}/engine/*.h ${PROJECT_SOURCE_DIR}/harness/*.h ${PROJECT_SOURCE_DIR}/tools/*.h)
# A lane type exists only for compilers told to use its instruction set: their own targets compile these.
list(FILTER headers EXCLUDE REGEX "kernels/cpu/((lanes|dots)_avx|linear_blocks_amx)")
set(sources)
foreach(header ${headers})
  string(MAKE_C_IDENTIFIER ${header} name)
  set(source ${PROJECT_BINARY_DIR}/header_check/${name}.cpp)
  # Included twice, so that a missing include guard is found too.
  file(GENERATE OUTPUT ${source} CONTENT "#include \"${header}\"\n#include \"${header}\"\n")
  list(APPEND sources ${source})
endforeach()
add_library(header_check OBJECT ${sources})
target_link_libraries(header_check PRIVATE tools_cli GTest::gtest reprise_valijson)
target_compile_definitions(header_check PRIVATE REPRISE_SOURCE_DIR="" REPRISE_BINARY_DIR="")
# Loops meant for two instruction sets have internal linkage, so a file may use some of a header only.
target_compile_options(header_check PRIVATE -O0 -Wno-unused-function)

find_package(Python3 REQUIRED COMPONENTS Interpreter)
add_test(NAME checks.layering
  COMMAND Python3::Interpreter ${PROJECT_SOURCE_DIR}/tools/checks/layering.py ${PROJECT_SOURCE_DIR})
add_test(NAME checks.capture_example
  COMMAND Python3::Interpreter ${PROJECT_SOURCE_DIR}/tools/checks/capture_example.py ${PROJECT_SOURCE_DIR})
add_test(NAME checks.ci_files
  COMMAND Python3::Interpreter ${PROJECT_SOURCE_DIR}/tools/checks/ci_files.py ${PROJECT_SOURCE_DIR} $<TARGET_FILE:reprise>)
add_test(NAME checks.isa_symbols
  COMMAND ${PROJECT_SOURCE_DIR}/tools/checks/isa_symbols.sh ${PROJECT_BINARY_DIR})
add_test(NAME checks.libm_symbols
  COMMAND ${PROJECT_SOURCE_DIR}/tools/checks/libm_symbols.sh ${PROJECT_BINARY_DIR})
foreach(module reprise_hip_amd reprise_hip_nvidia)
  if(TARGET ${module})
    get_target_property(file ${module} REPRISE_MODULE)
    get_target_property(architectures ${module} REPRISE_ARCHITECTURES)
    add_test(NAME checks.${module} COMMAND Python3::Interpreter ${PROJECT_SOURCE_DIR}/tools/checks/gpu_modules.py
      ${PROJECT_SOURCE_DIR} ${file} ${architectures})
  endif()
endforeach()
add_test(NAME checks.goldens COMMAND ${PROJECT_SOURCE_DIR}/tools/goldens/make_goldens.py --check)

# The side-by-side with llama.cpp is written for Node, which nothing else here needs: tested where it is installed.
find_program(REPRISE_NODE node)
set(node_version 0)
if(REPRISE_NODE)
  execute_process(COMMAND ${REPRISE_NODE} --version OUTPUT_VARIABLE node_version OUTPUT_STRIP_TRAILING_WHITESPACE)
  string(REGEX REPLACE "^v([0-9]+).*" "\\1" node_version "${node_version}")
endif()
if(node_version GREATER_EQUAL 20)
  add_test(NAME tools.compare_llama_cpp COMMAND ${REPRISE_NODE} --test
    WORKING_DIRECTORY ${PROJECT_SOURCE_DIR}/tools/compare_llama_cpp)
else()
  message(STATUS "Node 20 or newer: not found, so tools/compare_llama_cpp is not tested")
endif()

# The same bits on an emulated ARM processor, where its compiler and emulator are installed; tools/arm64 installs them.
find_program(REPRISE_AARCH64_COMPILER aarch64-linux-gnu-g++)
find_program(REPRISE_AARCH64_EMULATOR qemu-aarch64)
if(REPRISE_AARCH64_COMPILER AND REPRISE_AARCH64_EMULATOR AND NOT CMAKE_CROSSCOMPILING)
  add_test(NAME tools.arm64 COMMAND ${PROJECT_SOURCE_DIR}/tools/arm64)
  set_tests_properties(tools.arm64 PROPERTIES LABELS nightly TIMEOUT 3600 RUN_SERIAL ON)
endif()

# The page of reports, in Node.js and in a real browser.
find_program(REPRISE_NPM npm)
find_program(REPRISE_CHROMIUM NAMES chromium chromium-browser google-chrome)
if(REPRISE_SANITIZE OR CMAKE_BUILD_TYPE STREQUAL Debug)
  # Nothing of the program is in it.
elseif(REPRISE_NPM AND REPRISE_CHROMIUM AND EXISTS ${PROJECT_SOURCE_DIR}/reports/viewer/node_modules/puppeteer-core)
  add_test(NAME reports.viewer COMMAND ${REPRISE_NPM} --prefix ${PROJECT_SOURCE_DIR}/reports/viewer test)
  set_tests_properties(reports.viewer PROPERTIES TIMEOUT 900)
else()
  message(STATUS "npm with the packages of reports/viewer, and Chromium: not found, so the page of reports is NOT tested")
endif()

# The HTTP server, asked by the client library that people use, and under load.
if(REPRISE_NPM AND node_version GREATER_EQUAL 20 AND EXISTS ${PROJECT_SOURCE_DIR}/tools/tests/http/node_modules/openai)
  add_test(NAME serve.openai COMMAND ${REPRISE_NPM} --prefix ${PROJECT_SOURCE_DIR}/tools/tests/http test)
  set_tests_properties(serve.openai PROPERTIES TIMEOUT 300 ENVIRONMENT REPRISE=$<TARGET_FILE:reprise>)
else()
  message(STATUS "Node 20 with the packages of tools/tests/http: not found, so the HTTP server is NOT tested with its client")
endif()
find_program(REPRISE_WRK wrk)
if(REPRISE_WRK)
  add_test(NAME serve.load COMMAND ${PROJECT_SOURCE_DIR}/tools/tests/http/load.sh $<TARGET_FILE:reprise>)
  set_tests_properties(serve.load PROPERTIES TIMEOUT 300)
else()
  message(STATUS "wrk: not found, so the HTTP server is NOT tested under load")
endif()
