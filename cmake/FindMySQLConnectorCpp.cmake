# Finds MySQL Connector/C++ with the classic (JDBC-like) interface: Debian's libmysqlcppconn-dev,
# whose package has no CMake files of its own.
#
#   MySQLConnectorCpp_FOUND
#   MySQLConnectorCpp::MySQLConnectorCpp   the library and its headers:
#                                          <mysql_driver.h>, <cppconn/…>
#
# Hints: MySQLConnectorCpp_ROOT, or the cache variables below.
find_path(MySQLConnectorCpp_INCLUDE_DIR NAMES cppconn/driver.h)
find_library(MySQLConnectorCpp_LIBRARY NAMES mysqlcppconn)
mark_as_advanced(MySQLConnectorCpp_INCLUDE_DIR MySQLConnectorCpp_LIBRARY)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(
  MySQLConnectorCpp
  REQUIRED_VARS MySQLConnectorCpp_LIBRARY MySQLConnectorCpp_INCLUDE_DIR
  REASON_FAILURE_MESSAGE "On Debian: apt-get install libmysqlcppconn-dev")

if(MySQLConnectorCpp_FOUND AND NOT TARGET MySQLConnectorCpp::MySQLConnectorCpp)
  add_library(MySQLConnectorCpp::MySQLConnectorCpp UNKNOWN IMPORTED)
  # An imported target's headers are system headers: their warnings are not ours.
  set_target_properties(
    MySQLConnectorCpp::MySQLConnectorCpp
    PROPERTIES IMPORTED_LOCATION "${MySQLConnectorCpp_LIBRARY}"
               INTERFACE_INCLUDE_DIRECTORIES "${MySQLConnectorCpp_INCLUDE_DIR}")
endif()
