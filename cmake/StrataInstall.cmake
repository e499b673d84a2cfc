# Install rules: the libraries with their headers, a CMake package with a component each, pkg-config
# files, the program. Install components: strata, loader, report, debug_http, program.
include(CMakePackageConfigHelpers)

set(strata_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/strata)
# Debian's license checkers and people alike look for it here.
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT strata)

# All headers of both libraries land in include/strata, so that <strata/name.h> is found there as
# in the build tree.
install(TARGETS strata_strata EXPORT strata-targets
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT strata
        FILE_SET accounting_headers DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT strata
        FILE_SET cache_headers DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT strata)
install(EXPORT strata-targets NAMESPACE strata:: DESTINATION ${strata_package_dir}
        COMPONENT strata)

if(TARGET strata_loader)
  install(TARGETS strata_loader EXPORT strata-loader-targets
          ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT loader
          FILE_SET loader_headers DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT loader)
  install(EXPORT strata-loader-targets NAMESPACE strata:: DESTINATION ${strata_package_dir}
          COMPONENT loader)
  install(FILES ${PROJECT_SOURCE_DIR}/cmake/FindMySQLConnectorCpp.cmake
          DESTINATION ${strata_package_dir} COMPONENT loader)
endif()

foreach(component report debug_http)
  if(TARGET strata_${component})
    install(TARGETS strata_${component} EXPORT strata-${component}-targets
            ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT ${component}
            FILE_SET ${component}_headers DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
                     COMPONENT ${component})
    install(EXPORT strata-${component}-targets NAMESPACE strata:: DESTINATION ${strata_package_dir}
            COMPONENT ${component})
  endif()
endforeach()
if(TARGET strata_report)
  # Of the chart library that pages carry.
  install(FILES ${PROJECT_SOURCE_DIR}/accounting/assets/echarts/LICENSE
                ${PROJECT_SOURCE_DIR}/accounting/assets/echarts/LICENSE-d3
                ${PROJECT_SOURCE_DIR}/accounting/assets/echarts/NOTICE
          DESTINATION ${CMAKE_INSTALL_DOCDIR}/echarts COMPONENT report)
endif()
if(TARGET strata_debug_http)
  install(FILES ${PROJECT_SOURCE_DIR}/cmake/FindCppHttplib.cmake
          DESTINATION ${strata_package_dir} COMPONENT debug_http)
endif()

if(TARGET strata)
  install(TARGETS strata RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT program)
endif()

configure_package_config_file(
  ${PROJECT_SOURCE_DIR}/cmake/strata-config.cmake.in ${PROJECT_BINARY_DIR}/strata-config.cmake
  INSTALL_DESTINATION ${strata_package_dir})
# Before 1.0 a minor version may break callers: 0.1.x serves who asks for 0.1, and nobody else.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/strata-config-version.cmake
                                 COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/strata-config.cmake
              ${PROJECT_BINARY_DIR}/strata-config-version.cmake
        DESTINATION ${strata_package_dir} COMPONENT strata)

# The pkg-config files find their prefix from where they lie, so an install tree may be moved.
set(strata_pc_dir ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig)
file(RELATIVE_PATH strata_pc_prefix ${strata_pc_dir} ${CMAKE_INSTALL_PREFIX})
file(RELATIVE_PATH strata_pc_libdir ${CMAKE_INSTALL_PREFIX} ${CMAKE_INSTALL_FULL_LIBDIR})
file(RELATIVE_PATH strata_pc_includedir ${CMAKE_INSTALL_PREFIX} ${CMAKE_INSTALL_FULL_INCLUDEDIR})
configure_file(${PROJECT_SOURCE_DIR}/cmake/strata.pc.in ${PROJECT_BINARY_DIR}/strata.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/strata.pc
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT strata)
if(TARGET strata_loader)
  configure_file(${PROJECT_SOURCE_DIR}/cmake/strata-loader.pc.in
                 ${PROJECT_BINARY_DIR}/strata-loader.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/strata-loader.pc
          DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT loader)
endif()
foreach(component report debug_http)
  if(TARGET strata_${component})
    string(REPLACE "_" "-" strata_pc strata-${component})
    configure_file(${PROJECT_SOURCE_DIR}/cmake/${strata_pc}.pc.in
                   ${PROJECT_BINARY_DIR}/${strata_pc}.pc @ONLY)
    install(FILES ${PROJECT_BINARY_DIR}/${strata_pc}.pc
            DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT ${component})
  endif()
endforeach()
