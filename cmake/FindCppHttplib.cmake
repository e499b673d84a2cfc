# Finds cpp-httplib as Debian builds it (libcpp-httplib-dev): a shared library whose header must be
# read with the definitions it was compiled with. pkg-config knows them.
#
#   CppHttplib_FOUND
#   CppHttplib::CppHttplib   the library and its header <httplib.h>
find_package(PkgConfig QUIET)
if(PkgConfig_FOUND)
  pkg_check_modules(CppHttplib_PC QUIET IMPORTED_TARGET cpp-httplib)
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(
  CppHttplib
  REQUIRED_VARS CppHttplib_PC_LINK_LIBRARIES CppHttplib_PC_FOUND
  VERSION_VAR CppHttplib_PC_VERSION
  REASON_FAILURE_MESSAGE "On Debian: apt-get install libcpp-httplib-dev pkgconf")

if(CppHttplib_FOUND AND NOT TARGET CppHttplib::CppHttplib)
  add_library(CppHttplib::CppHttplib INTERFACE IMPORTED)
  target_link_libraries(CppHttplib::CppHttplib INTERFACE PkgConfig::CppHttplib_PC)
endif()
