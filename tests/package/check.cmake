# One case of the package tests: cmake -D CASE=… -P check.cmake. Builds consumer/ against the
# install tree in WORK_DIR/prefix (made by CASE=install) or against the sources, runs it, and
# looks at what it was compiled with.
cmake_minimum_required(VERSION 3.25)

set(prefix ${WORK_DIR}/prefix)
set(consumer ${CMAKE_CURRENT_LIST_DIR}/consumer)
set(scratch ${WORK_DIR}/${CASE})
file(REMOVE_RECURSE ${scratch})
# Nobody's flags or paths but those a case gives.
foreach(variable CXXFLAGS LDFLAGS CPPFLAGS CMAKE_PREFIX_PATH PKG_CONFIG_PATH DESTDIR)
  unset(ENV{${variable}})
endforeach()

# Runs a command that must succeed; its output is in `output`.
function(must_run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE result OUTPUT_VARIABLE output
                  ERROR_VARIABLE output)
  if(NOT result EQUAL 0)
    list(JOIN ARGN " " command)
    message(FATAL_ERROR "${command}\nended with ${result}:\n${output}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

# Runs a program that must print exactly `expected` and a newline.
function(must_print expected)
  must_run(${ARGN})
  if(NOT output STREQUAL "${expected}\n")
    message(FATAL_ERROR "${ARGN} printed '${output}', not '${expected}'")
  endif()
endfunction()

# Runs a command that must fail and say, line breaks aside, something that matches `pattern`.
function(must_fail_saying pattern)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE result OUTPUT_VARIABLE output
                  ERROR_VARIABLE output)
  string(REGEX REPLACE "[ \n]+" " " output "${output}")
  if(result EQUAL 0)
    message(FATAL_ERROR "was expected to fail and did not: ${output}")
  endif()
  if(NOT output MATCHES "${pattern}")
    message(FATAL_ERROR "failed without saying '${pattern}': ${output}")
  endif()
endfunction()

# Of the libraries and the code that match `pattern` there is none in the program.
function(must_not_link program pattern)
  find_program(NM nm REQUIRED)
  find_program(READELF readelf REQUIRED)
  must_run(${READELF} -d ${program})
  if(NOT output MATCHES "NEEDED")
    message(FATAL_ERROR "${program} needs no library at all: ${output}")
  endif()
  string(REGEX MATCHALL "NEEDED[^\n]*" needed "${output}")
  if(needed MATCHES "${pattern}")
    message(FATAL_ERROR "${program} needs '${CMAKE_MATCH_0}': ${needed}")
  endif()
  must_run(${NM} -C ${program})
  if(NOT output MATCHES "strata::Cache::Put")
    message(FATAL_ERROR "${program} has no symbols to look through")
  endif()
  if(output MATCHES "[^\n]*(${pattern})[^\n]*")
    message(FATAL_ERROR "${program} holds '${CMAKE_MATCH_0}'")
  endif()
endfunction()
set(for_reports "protobuf|httplib|nlohmann|echarts|strata::DebugServer|strata::FootprintHtml")
set(for_loading "libz[.]|libzstd|mysql|mariadb|simdjson|inflate|deflate")

set(configure ${CMAKE_COMMAND} -S ${consumer} -B ${scratch} -G Ninja
    -D CMAKE_CXX_COMPILER=${CXX} -D CMAKE_BUILD_TYPE=Debug -D CMAKE_EXPORT_COMPILE_COMMANDS=ON)

# The consumer's own file is compiled with the consumer's flags, the standard it needs, and
# nothing else of ours.
function(must_not_leak_flags file)
  file(READ ${scratch}/compile_commands.json database)
  string(JSON length LENGTH "${database}")
  math(EXPR last "${length} - 1")
  set(found FALSE)
  foreach(index RANGE ${last})
    string(JSON source GET "${database}" ${index} file)
    if(source STREQUAL "${consumer}/${file}")
      set(found TRUE)
      string(JSON command GET "${database}" ${index} command)
      if(NOT command MATCHES "-std=(c|gnu)\\+\\+20")
        message(FATAL_ERROR "the standard the headers need is not asked for: ${command}")
      endif()
      if(command MATCHES " -(W|pedantic|fsanitize|fno-|march|mtune|msse|mavx|O|D[A-Z]*DEBUG)[^ ]*")
        message(FATAL_ERROR "a flag of ours leaks, '${CMAKE_MATCH_0}': ${command}")
      endif()
    endif()
  endforeach()
  if(NOT found)
    message(FATAL_ERROR "compile_commands.json does not name ${file}")
  endif()
endfunction()

# find_package(strata) without other components must work where nothing of their needs exists.
set(without_loader_needs)
foreach(package simdjson ZLIB zstd MySQLConnectorCpp Protobuf CppHttplib nlohmann_json)
  list(APPEND without_loader_needs -D CMAKE_DISABLE_FIND_PACKAGE_${package}=ON)
endforeach()

if(CASE STREQUAL "install")
  file(REMOVE_RECURSE ${prefix})
  must_run(${CMAKE_COMMAND} --install ${BUILD_DIR} --prefix ${prefix})
  foreach(file bin/strata include/strata/cache.h include/strata/load.h include/strata/report.h
               include/strata/debug_http.h ${LIBDIR}/libstrata.a)
    if(NOT EXISTS ${prefix}/${file})
      message(FATAL_ERROR "${file} was not installed")
    endif()
  endforeach()
  # A prefix of the machine that built it has no place in what is installed.
  file(GLOB described ${prefix}/${LIBDIR}/cmake/strata/* ${prefix}/${LIBDIR}/pkgconfig/*)
  foreach(file IN LISTS described)
    file(READ ${file} text)
    foreach(place ${SOURCE_DIR} ${BUILD_DIR})
      string(FIND "${text}" "${place}" position)
      if(NOT position EQUAL -1)
        message(FATAL_ERROR "${file} names ${place}, which only the builder has")
      endif()
    endforeach()
  endforeach()

elseif(CASE STREQUAL "find_package")
  must_run(${configure} -D CMAKE_PREFIX_PATH=${prefix} -D VERSION=0.1 ${without_loader_needs})
  must_run(${CMAKE_COMMAND} --build ${scratch})
  must_print(def ${scratch}/embed)
  must_not_leak_flags(embed.cc)
  must_not_link(${scratch}/embed "${for_reports}|${for_loading}")

elseif(CASE STREQUAL "find_package_loader")
  must_run(${configure} -D CMAKE_PREFIX_PATH=${prefix} -D VERSION=${PROJECT_VERSION}
           -D COMPONENTS=strata,loader)
  must_run(${CMAKE_COMMAND} --build ${scratch})
  must_print(def ${scratch}/embed)
  file(WRITE ${scratch}/in.json "{\"fieldA\": {\"xyz\": [{\"123\": \"abc\"}, {\"456\": \"def\"}]}}")
  must_print("2 records" ${scratch}/load ${scratch}/in.json)
  must_not_leak_flags(load.cc)
  must_not_link(${scratch}/embed "${for_reports}|${for_loading}")
  must_not_link(${scratch}/load "${for_reports}")

elseif(CASE STREQUAL "find_package_debug_http")
  # Of what the builder needed for reports, its users do not need the JSON library.
  must_run(${configure} -D CMAKE_PREFIX_PATH=${prefix} -D VERSION=${PROJECT_VERSION}
           -D COMPONENTS=debug_http -D CMAKE_DISABLE_FIND_PACKAGE_nlohmann_json=ON)
  must_run(${CMAKE_COMMAND} --build ${scratch})
  must_print("200 strata_memory_bytes" ${scratch}/ask)
  must_not_leak_flags(ask.cc)
  if(NOT EXISTS ${prefix}/share/doc/strata/echarts/NOTICE)
    message(FATAL_ERROR "the chart library's notice was not installed")
  endif()

elseif(CASE STREQUAL "moved_prefix")
  # An install tree may be moved: packagers and containers do.
  file(COPY ${prefix}/ DESTINATION ${scratch}-tree)
  must_run(${configure} -D CMAKE_PREFIX_PATH=${scratch}-tree -D VERSION=0.1 ${without_loader_needs})
  must_run(${CMAKE_COMMAND} --build ${scratch})
  must_print(def ${scratch}/embed)
  file(REMOVE_RECURSE ${scratch}-tree)

elseif(CASE STREQUAL "add_subdirectory")
  must_run(${configure} -D WAY=add_subdirectory -D SOURCE=${SOURCE_DIR} ${without_loader_needs}
           -D CMAKE_DISABLE_FIND_PACKAGE_GTest=ON -D CMAKE_DISABLE_FIND_PACKAGE_CLI11=ON)
  must_run(${CMAKE_COMMAND} --build ${scratch})
  must_print(def ${scratch}/embed)
  must_not_leak_flags(embed.cc)

elseif(CASE MATCHES "^pkg_config")
  find_program(PKG_CONFIG pkg-config REQUIRED)
  set(ENV{PKG_CONFIG_PATH} ${prefix}/${LIBDIR}/pkgconfig)
  set(module strata)
  set(program embed)
  if(CASE STREQUAL "pkg_config_loader")
    set(module strata-loader)
    set(program load)
  endif()
  if(CASE STREQUAL "pkg_config_debug_http")
    set(module strata-debug-http)
    set(program ask)
  endif()
  must_run(${PKG_CONFIG} --modversion ${module})
  if(NOT output STREQUAL "${PROJECT_VERSION}\n")
    message(FATAL_ERROR "pkg-config gives version ${output}")
  endif()
  must_run(${PKG_CONFIG} --cflags --libs ${module})
  separate_arguments(flags UNIX_COMMAND "${output}")
  file(MAKE_DIRECTORY ${scratch})
  must_run(${CXX} -std=c++20 ${consumer}/${program}.cc -o ${scratch}/${program} ${flags})
  if(CASE STREQUAL "pkg_config_loader")
    file(WRITE ${scratch}/in.json "{\"a\": {\"b\": [{}, {}, {}]}}")
    must_print("3 records" ${scratch}/load ${scratch}/in.json)
  elseif(CASE STREQUAL "pkg_config_debug_http")
    must_print("200 strata_memory_bytes" ${scratch}/ask)
  else()
    must_print(def ${scratch}/embed)
  endif()

elseif(CASE STREQUAL "readme_compiles")
  # The first block of C++ in README.md is a whole program, and it builds as it stands there.
  file(READ ${SOURCE_DIR}/README.md text)
  string(REGEX MATCH "\n```cpp\n(([^`]|`[^`])*)\n```" block "${text}")
  if(NOT block)
    message(FATAL_ERROR "README.md has no block of code that begins with ```cpp")
  endif()
  file(WRITE ${scratch}/readme.cc "${CMAKE_MATCH_1}\n")
  must_run(${configure} -D CMAKE_PREFIX_PATH=${prefix} -D VERSION=0.1 -D COMPONENTS=strata,loader
           -D README=${scratch}/readme.cc)
  must_run(${CMAKE_COMMAND} --build ${scratch} --target readme)

elseif(CASE STREQUAL "wrong_version_is_refused")
  # 0.1 as the control: what is refused below is refused for its version alone.
  must_run(${configure} -D CMAKE_PREFIX_PATH=${prefix} -D VERSION=0.1)
  foreach(version 99 1.0 0.2 0.0 0.1.999)
    file(REMOVE_RECURSE ${scratch})
    must_fail_saying(
      "compatible with requested version \"${version}\".*strata-config.cmake, version: 0.1"
      ${configure} -D CMAKE_PREFIX_PATH=${prefix} -D VERSION=${version})
  endforeach()

elseif(CASE STREQUAL "unknown_component_is_refused")
  must_fail_saying("strata.*nonsense" ${configure} -D CMAKE_PREFIX_PATH=${prefix}
                   -D COMPONENTS=nonsense -D VERSION=0.1)

else()
  message(FATAL_ERROR "check.cmake has no case '${CASE}'")
endif()
