# Run at every build: writes OUTPUT with the commit of SOURCE_DIR, and touches it only when something changed.
execute_process(COMMAND git -C ${SOURCE_DIR} rev-parse HEAD
  OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE no_commit)
if(no_commit)
  set(commit "unknown")
  set(dirty false)
else()
  execute_process(COMMAND git -C ${SOURCE_DIR} status --porcelain --untracked-files=no OUTPUT_VARIABLE changes ERROR_QUIET)
  if(changes STREQUAL "")
    set(dirty false)
  else()
    set(dirty true)
  endif()
endif()
set(text "#define REPRISE_VERSION \"${VERSION}\"
#define REPRISE_GIT_COMMIT \"${commit}\"
#define REPRISE_GIT_DIRTY ${dirty}
#define REPRISE_COMPILER \"${COMPILER}\"
#define REPRISE_COMPILER_FLAGS \"${FLAGS}\"
#define REPRISE_BUILD_TYPE \"${BUILD_TYPE}\"
")
set(previous "")
if(EXISTS ${OUTPUT})
  file(READ ${OUTPUT} previous)
endif()
if(NOT previous STREQUAL text)
  file(WRITE ${OUTPUT} "${text}")
endif()
