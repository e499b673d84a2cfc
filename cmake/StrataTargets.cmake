# What every target of ours is compiled with. Nothing here reaches who links us: the options are
# PRIVATE, and the flags live on targets, not in CMAKE_CXX_FLAGS.
function(strata_target_options target)
  target_compile_features(${target} PUBLIC cxx_std_20)
  set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF POSITION_INDEPENDENT_CODE ON)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wconversion)
  # Internal headers are included from the project's root: "cache/interner.h".
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR})
  if(STRATA_WERROR)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
  if(STRATA_SANITIZE)
    target_compile_options(${target} PRIVATE -fsanitize=${STRATA_SANITIZE}
                                             -fno-omit-frame-pointer -fno-sanitize-recover=all)
    # GCC takes its own instrumentation for reads of what was never written (bug 105562).
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
      target_compile_options(${target} PRIVATE -Wno-maybe-uninitialized)
    endif()
    # Whoever links a sanitized archive of ours, inside this build, needs the runtime.
    target_link_options(${target} PUBLIC $<BUILD_INTERFACE:-fsanitize=${STRATA_SANITIZE}>)
  endif()
endfunction()
