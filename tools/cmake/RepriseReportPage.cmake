# The page of HTML reports: bundled from reports/viewer by Node.js, and carried in the library that writes reports.
#   reprise_report_page(TARGET)
# Nothing is downloaded here: without Node.js, or without the packages that `npm ci` installs, the program is built
# without the page, and --html says so.
include_guard(GLOBAL)
enable_language(ASM)
find_program(REPRISE_NODE node)

function(reprise_report_page target)
  set(viewer ${PROJECT_SOURCE_DIR}/reports/viewer)
  set(page ${CMAKE_CURRENT_BINARY_DIR}/report_page.html)
  if(REPRISE_NODE AND EXISTS ${viewer}/node_modules/esbuild)
    file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${viewer}/src/*)
    add_custom_command(OUTPUT ${page} COMMAND ${REPRISE_NODE} ${viewer}/build.mjs ${page}
      DEPENDS ${sources} ${viewer}/build.mjs ${viewer}/package-lock.json
      COMMENT "Bundling the page of reports" VERBATIM)
  else()
    message(STATUS "Node.js with the packages of reports/viewer: not found, so --html is left out")
    set(page ${CMAKE_CURRENT_BINARY_DIR}/report_page_none.html)  # of its own: the other is the command's
    if(NOT EXISTS ${page})
      file(WRITE ${page} "")
    endif()
  endif()
  set(assembly ${CMAKE_CURRENT_BINARY_DIR}/report_page.S)
  configure_file(${PROJECT_SOURCE_DIR}/tools/cmake/report_page.S.in ${assembly} @ONLY)
  set_source_files_properties(${assembly} PROPERTIES OBJECT_DEPENDS ${page})
  target_sources(${target} PRIVATE ${assembly})
endfunction()
