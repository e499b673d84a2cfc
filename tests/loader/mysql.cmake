# Without a server.
strata_add_test(mysql_url_test SOURCES mysql_url_test.cc LIBRARIES strata_loader)
strata_add_test(mysql_greeting_test SOURCES mysql_greeting_test.cc LIBRARIES strata_loader)
strata_add_test(mysql_dialect_test SOURCES mysql_dialect_test.cc LIBRARIES strata_loader
                                                                       GTest::gmock)
strata_add_test(mysql_toml_test SOURCES mysql_toml_test.cc LIBRARIES strata_loader)
strata_add_test(mysql_cells_test SOURCES mysql_cells_test.cc LIBRARIES strata_loader)
strata_add_test(mysql_entries_test SOURCES mysql_entries_test.cc LIBRARIES strata_loader
                                                                       GTest::gmock)
strata_add_test(mysql_row_json_test SOURCES mysql_row_json_test.cc LIBRARIES strata_loader
                                                                         GTest::gmock)
strata_add_test(mysql_sort_test SOURCES mysql_sort_test.cc LIBRARIES strata_loader)

# With a private server, started once for the whole program and ended after it.
add_executable(mysql_source_test mysql_mapping_test.cc mysql_pages_test.cc mysql_source_test.cc
                                 mysql_tables_test.cc mysql_test_server.cc tcp_relay.cc)
strata_target_options(mysql_source_test)
target_include_directories(mysql_source_test PRIVATE ${PROJECT_SOURCE_DIR})
target_link_libraries(mysql_source_test PRIVATE strata_loader GTest::gtest GTest::gmock
                                                GTest::gtest_main)
add_test(NAME mysql_source_test
         COMMAND ${PROJECT_SOURCE_DIR}/tests/kit/private_mariadb.sh run --
                 $<TARGET_FILE:mysql_source_test>)
set_tests_properties(mysql_source_test PROPERTIES LABELS "mysql;server;threads" TIMEOUT 900)
add_dependencies(strata_thread_tests mysql_source_test)

# The script itself: it hands the status on and leaves nothing behind, also when interrupted.
add_test(NAME private_mariadb_test
         COMMAND ${PROJECT_SOURCE_DIR}/tests/kit/private_mariadb_test.sh)
set_tests_properties(private_mariadb_test PROPERTIES LABELS "mysql;server" TIMEOUT 120)

# The same with a server that speaks TLS, under certificates made for the run.
add_executable(mysql_tls_test mysql_tls_test.cc tcp_relay.cc)
strata_target_options(mysql_tls_test)
target_link_libraries(mysql_tls_test PRIVATE strata_follow_kit)
add_test(NAME mysql_tls_test
         COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/mysql_tls_test.sh $<TARGET_FILE:mysql_tls_test>)
set_tests_properties(mysql_tls_test PROPERTIES LABELS "mysql;server;threads" TIMEOUT 900)
add_dependencies(strata_thread_tests mysql_tls_test)
