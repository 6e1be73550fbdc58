# How every target of the project is compiled, and the three functions that make targets:
#   reprise_library(NAME [LINK targets...])     one library for the folder of the same name
#   reprise_tests(NAME [LINK targets...] [TOGETHER pattern])
#                                               one GoogleTest program for the folder's tests
#   reprise_benchmark(NAME FILE [LINK ...])     one Google Benchmark program
include_guard(GLOBAL)
include(GoogleTest)

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()
find_program(REPRISE_CCACHE ccache)
if(REPRISE_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${REPRISE_CCACHE})
endif()

# -O2: kernels ask for -O3 themselves, and nothing else gains from the longer compile.
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")

add_library(reprise_flags INTERFACE)
# -ffp-contract=off: the numerics contract spells out every fused multiply-add; the compiler adds none.
# -fno-math-errno:   lets std::sqrt be one correctly rounded instruction; changes no value.
target_compile_options(reprise_flags INTERFACE
  -ffp-contract=off -fno-math-errno
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Wnon-virtual-dtor -Woverloaded-virtual -Werror)
target_include_directories(reprise_flags INTERFACE ${PROJECT_SOURCE_DIR})
if(REPRISE_SANITIZE)
  target_compile_options(reprise_flags INTERFACE -fsanitize=${REPRISE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(reprise_flags INTERFACE -fsanitize=${REPRISE_SANITIZE})
endif()

# The library of one folder: all its sources by glob, sub-folders included.
function(reprise_library name)
  cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
  string(REGEX REPLACE "^[a-z]+_" "" folder ${name})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${folder}/*.cpp)
  if(NOT sources)
    add_library(${name} INTERFACE)
    target_link_libraries(${name} INTERFACE reprise_flags ${ARG_LINK})
    return()
  endif()
  add_library(${name} STATIC ${sources})
  target_link_libraries(${name} PUBLIC reprise_flags ${ARG_LINK})
endfunction()

# Tests mirror the folders: tests/<folder>/*_test.cpp become the program <name>_tests.
# A test that needs longer than a few seconds has "Nightly" in its suite's name: it gets the label `nightly`. CTest
# names tests by suite and parameter names (values are bytes that differ from run to run) and runs each in a process of
# its own, but those of the pattern TOGETHER in one: they share what is slow to start.
function(reprise_tests name)
  if(NOT REPRISE_BUILD_TESTS)
    return()
  endif()
  cmake_parse_arguments(ARG "" "TOGETHER" "LINK" ${ARGN})
  string(REGEX REPLACE "^[a-z]+_" "" folder ${name})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/tests/${folder}/*.cpp)
  if(NOT sources)
    return()
  endif()
  add_executable(${name}_tests ${sources})
  target_link_libraries(${name}_tests PRIVATE ${name} ${ARG_LINK} GTest::gmock GTest::gtest_main)
  target_compile_definitions(${name}_tests PRIVATE
    REPRISE_SOURCE_DIR="${PROJECT_SOURCE_DIR}" REPRISE_BINARY_DIR="${PROJECT_BINARY_DIR}")
  set(timeout 300)
  if(CMAKE_CROSSCOMPILING)  # under an emulator
    set(timeout 1800)
  endif()
  set(alone "-*Nightly*")
  if(ARG_TOGETHER)
    string(APPEND alone ":${ARG_TOGETHER}")
    string(REGEX REPLACE "[^A-Za-z0-9]" "" together ${ARG_TOGETHER})
    add_test(NAME ${name}.${together} COMMAND ${name}_tests --gtest_filter=${ARG_TOGETHER})
    # A pattern that matches nothing passes with GoogleTest.
    set_tests_properties(${name}.${together} PROPERTIES
      TIMEOUT ${timeout} SKIP_REGULAR_EXPRESSION "\\[  SKIPPED \\]" FAIL_REGULAR_EXPRESSION "Running 0 tests")
  endif()
  gtest_discover_tests(${name}_tests DISCOVERY_MODE PRE_TEST TEST_PREFIX "${name}." TEST_FILTER "${alone}"
    NO_PRETTY_VALUES PROPERTIES TIMEOUT ${timeout})
  gtest_discover_tests(${name}_tests DISCOVERY_MODE PRE_TEST TEST_PREFIX "${name}." TEST_FILTER "*Nightly*"
    NO_PRETTY_VALUES TEST_LIST ${name}_nightly PROPERTIES LABELS nightly TIMEOUT 3600)
endfunction()

function(reprise_benchmark name file)
  if(NOT REPRISE_BUILD_BENCHMARKS)
    return()
  endif()
  find_package(benchmark REQUIRED)
  cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
  add_executable(${name} ${file})
  target_link_libraries(${name} PRIVATE reprise_flags ${ARG_LINK} benchmark::benchmark)
endfunction()
