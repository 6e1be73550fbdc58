# The models that ship inside engine_model: a folder of this name beside this file each. Their bytes become
# one generated source, written anew when a file changes.
set(builtin_names names)

set(builtin_folder ${CMAKE_CURRENT_LIST_DIR})
set(builtin_source ${CMAKE_CURRENT_BINARY_DIR}/generated/embedded_models.cpp)
set(builtin_files ${builtin_folder}/embed.cmake)
foreach(name ${builtin_names})
  foreach(file config.json model.safetensors tokenizer.json)
    list(APPEND builtin_files ${builtin_folder}/${name}/${file})
  endforeach()
endforeach()
list(JOIN builtin_names "," builtin_list)
add_custom_command(OUTPUT ${builtin_source}
  COMMAND ${CMAKE_COMMAND} -DSOURCE_DIR=${builtin_folder} -DNAMES=${builtin_list} -DOUTPUT=${builtin_source}
    -P ${builtin_folder}/embed.cmake
  DEPENDS ${builtin_files}
  COMMENT "Embedding the built-in models"
  VERBATIM)
target_sources(engine_model PRIVATE ${builtin_source})
