# Finds oneDNN 2 (Debian's libdnnl-dev) and the OpenMP library that it computes with: the target OneDNN::OneDNN.
# Its own CMake package would also ask for OpenCL's development files, for graphics processors.
find_path(OneDNN_INCLUDE_DIR dnnl.hpp)
find_library(OneDNN_LIBRARY dnnl)
find_package(OpenMP QUIET COMPONENTS CXX)
if(OneDNN_INCLUDE_DIR)
  # dnnl_version.h may only name the header of another folder.
  foreach(header dnnl_version.h oneapi/dnnl/dnnl_version.h)
    if(EXISTS ${OneDNN_INCLUDE_DIR}/${header})
      file(STRINGS ${OneDNN_INCLUDE_DIR}/${header} lines REGEX "define DNNL_VERSION_(MAJOR|MINOR|PATCH) ")
      foreach(line ${lines})
        string(REGEX REPLACE ".* ([0-9]+)$" "\\1" number "${line}")
        list(APPEND numbers ${number})
      endforeach()
    endif()
  endforeach()
  list(JOIN numbers "." OneDNN_VERSION)
endif()
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(OneDNN
  REQUIRED_VARS OneDNN_LIBRARY OneDNN_INCLUDE_DIR OpenMP_CXX_FOUND VERSION_VAR OneDNN_VERSION HANDLE_VERSION_RANGE)
mark_as_advanced(OneDNN_INCLUDE_DIR OneDNN_LIBRARY)
if(OneDNN_FOUND AND NOT TARGET OneDNN::OneDNN)
  add_library(OneDNN::OneDNN UNKNOWN IMPORTED)
  set_target_properties(OneDNN::OneDNN PROPERTIES IMPORTED_LOCATION ${OneDNN_LIBRARY}
    INTERFACE_INCLUDE_DIRECTORIES ${OneDNN_INCLUDE_DIR} INTERFACE_LINK_LIBRARIES "${OpenMP_CXX_LIBRARIES}")
endif()
