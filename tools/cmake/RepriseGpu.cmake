# The HIP kernels for GPUs: engine/kernels/hip/*.hip, compiled for AMD's and for NVIDIA's, each into a
# module that the program loads from beside itself when it first looks for GPUs
# (engine/kernels/hip/modules.h). A compiler that is not there, or fails, leaves out its module, no more.
#   REPRISE_GPU                  OFF leaves out both
#   REPRISE_HIP_ARCHITECTURES    what hipcc compiles for
#   REPRISE_CUDA_ARCHITECTURES   what nvcc compiles for: 90 for sm_90; newer GPUs run compute_80's PTX
# Commands, not CMake's languages HIP and CUDA: where their compiler fails, these stop the configuration.
include_guard(GLOBAL)

option(REPRISE_GPU "Build the modules for GPUs, where hipcc or nvcc is found" ON)
set(REPRISE_HIP_ARCHITECTURES gfx90a gfx1031 CACHE STRING "AMD's architectures to compile for")
set(REPRISE_CUDA_ARCHITECTURES 90 CACHE STRING "NVIDIA's architectures to compile for")

# All modules that are built: targets with the properties REPRISE_MODULE, the file, and
# REPRISE_ARCHITECTURES. Its own property REPRISE_WORLDS names their worlds.
add_custom_target(reprise_gpu_modules)

# NDEBUG: HIP's headers have asserts for the GPU.
set(gpu_options -std=c++20 -O3 -DNDEBUG -I${PROJECT_SOURCE_DIR})
set(gpu_warnings -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion -Wnon-virtual-dtor
  -Woverloaded-virtual)
# The map: a module shows one symbol; its engine_core and its templates are its own.
set(gpu_map ${PROJECT_SOURCE_DIR}/tools/cmake/gpu_module.map)
set(gpu_linker_options --version-script=${gpu_map},--as-needed,-z,defs)

# A module of an earlier configuration would still be found beside the program.
function(reprise_leave_out_gpu_module module why)
  file(REMOVE ${CMAKE_RUNTIME_OUTPUT_DIRECTORY}/${module})
  message(STATUS "${module}: left out, ${why}")
endfunction()

# Makes the target NAME, which builds MODULE into the folder of programs, for a WORLD of GPUs, with code
# FOR architectures. COMPILER and LINK are the commands for a source and for all objects; they are first
# tried on a small kernel: a compiler may lack its libraries, or not know an architecture.
function(reprise_gpu_module name module)
  cmake_parse_arguments(ARG "" "WORLD" "FOR;COMPILER;LINK" ${ARGN})
  set(folder ${CMAKE_CURRENT_BINARY_DIR}/${name})
  set(output ${CMAKE_RUNTIME_OUTPUT_DIRECTORY}/${module})

  string(JOIN " " probed ${ARG_COMPILER} ${ARG_LINK})
  if(NOT "${REPRISE_PROBED_${name}}" STREQUAL "${probed}")
    file(WRITE ${folder}/probe.hip
      "#if defined(__HIPCC__)\n#include <hip/hip_runtime.h>\n#endif\n"
      "__global__ void kernel(float* x) { *x = 1; }\nvoid run() { kernel<<<1, 1>>>(nullptr); }\n")
    execute_process(COMMAND ${ARG_COMPILER} -c probe.hip -o probe.o
      WORKING_DIRECTORY ${folder} RESULT_VARIABLE failed OUTPUT_VARIABLE log ERROR_VARIABLE log)
    if(NOT failed)
      execute_process(COMMAND ${ARG_LINK} probe.o -o probe.so
        WORKING_DIRECTORY ${folder} RESULT_VARIABLE failed OUTPUT_VARIABLE log ERROR_VARIABLE log)
    endif()
    if(failed)
      string(REGEX REPLACE "\n.*" "" log "${log}")
      reprise_leave_out_gpu_module(${module} "its compiler fails: ${log}")
      return()
    endif()
    set(REPRISE_PROBED_${name} "${probed}" CACHE INTERNAL "The commands that have been seen to work")
  endif()

  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/kernels/hip/*.hip)
  set(objects)
  foreach(source ${sources})
    cmake_path(GET source STEM stem)
    set(object ${folder}/${stem}.o)
    add_custom_command(OUTPUT ${object} DEPENDS ${source} DEPFILE ${object}.d VERBATIM
      COMMAND ${ARG_COMPILER} -MD -MF ${object}.d -c ${source} -o ${object}
      COMMENT "Building ${module}: ${stem}.hip")
    list(APPEND objects ${object})
  endforeach()
  # -Xlinker: nvcc does not take libfmt.so.9 for a library.
  add_custom_command(OUTPUT ${output} DEPENDS ${objects} engine_core ${gpu_map} VERBATIM
    COMMAND ${ARG_LINK} ${objects} $<TARGET_FILE:engine_core> -Xlinker $<TARGET_FILE:fmt::fmt> -o ${output}
    COMMENT "Linking ${module}")
  add_custom_target(${name} ALL DEPENDS ${output})
  set_target_properties(${name} PROPERTIES REPRISE_MODULE ${output} REPRISE_ARCHITECTURES "${ARG_FOR}")
  add_dependencies(reprise_gpu_modules ${name})
  set_property(TARGET reprise_gpu_modules APPEND PROPERTY REPRISE_WORLDS "\"${ARG_WORLD}\"")
  string(JOIN " " targets ${ARG_FOR})
  message(STATUS "${module}: for ${targets}")
endfunction()

# Each compiler's last line of options is the numerics contract: no multiply-add that the source does not
# spell out, division and square root correctly rounded, subnormal numbers kept. Said even where it is
# the default, which it is not on every GPU.

find_program(REPRISE_HIPCC hipcc PATHS /opt/rocm/bin)
if(NOT REPRISE_GPU)
  reprise_leave_out_gpu_module(libreprise_hip_amd.so "REPRISE_GPU is off")
elseif(NOT REPRISE_HIPCC)
  reprise_leave_out_gpu_module(libreprise_hip_amd.so "no hipcc")
else()
  list(TRANSFORM REPRISE_HIP_ARCHITECTURES PREPEND --offload-arch= OUTPUT_VARIABLE architectures)
  # hipcc may take a machine with nvcc for NVIDIA's.
  set(hipcc ${CMAKE_COMMAND} -E env HIP_PLATFORM=amd ${REPRISE_HIPCC} ${architectures})
  reprise_gpu_module(reprise_hip_amd libreprise_hip_amd.so WORLD HIP FOR ${REPRISE_HIP_ARCHITECTURES}
    COMPILER ${hipcc} -x hip ${gpu_options} -fPIC -fvisibility=hidden ${gpu_warnings}
      -ffp-contract=off -fhip-fp32-correctly-rounded-divide-sqrt -fno-gpu-flush-denormals-to-zero
    LINK ${hipcc} -shared -Wl,${gpu_linker_options})
endif()

find_program(REPRISE_NVCC nvcc PATHS /usr/local/cuda/bin)
if(NOT REPRISE_GPU)
  reprise_leave_out_gpu_module(libreprise_hip_nvidia.so "REPRISE_GPU is off")
elseif(NOT REPRISE_NVCC)
  reprise_leave_out_gpu_module(libreprise_hip_nvidia.so "no nvcc")
else()
  set(architectures)
  set(targets)
  foreach(architecture ${REPRISE_CUDA_ARCHITECTURES})
    list(APPEND architectures -gencode arch=compute_${architecture},code=sm_${architecture})
    list(APPEND targets sm_${architecture})
  endforeach()
  list(APPEND architectures -gencode arch=compute_80,code=compute_80)
  list(APPEND targets compute_80)
  list(JOIN gpu_warnings "," host_warnings)
  set(nvcc ${REPRISE_NVCC} -ccbin ${CMAKE_CXX_COMPILER})
  # FMT_USE_CONSTEXPR: fmt 9 does without constexpr under nvcc, and then does not compile as C++20.
  # --no-compress: so that tools/checks can read what is in the module.
  reprise_gpu_module(reprise_hip_nvidia libreprise_hip_nvidia.so WORLD CUDA FOR ${targets}
    COMPILER ${nvcc} -x cu ${architectures} --no-compress ${gpu_options} -DFMT_USE_CONSTEXPR=1
      -Xcompiler -fPIC,-fvisibility=hidden,${host_warnings}
      --fmad=false -Xcompiler -ffp-contract=off -prec-div=true -prec-sqrt=true -ftz=false
    LINK ${nvcc} -shared --cudart=static --no-device-link -Xlinker ${gpu_linker_options})
endif()
