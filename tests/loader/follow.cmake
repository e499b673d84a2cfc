# Following a table. Without a server.
strata_add_test(mysql_bound_test SOURCES mysql_bound_test.cc LIBRARIES strata_loader)
strata_add_test(slot_table_test SOURCES slot_table_test.cc LIBRARIES strata_loader)

# With a private server each, started for the whole program and ended after it.
add_library(strata_follow_kit STATIC follow_kit.cc mysql_test_server.cc storm.cc)
strata_target_options(strata_follow_kit)
target_include_directories(strata_follow_kit PUBLIC ${PROJECT_SOURCE_DIR})
target_link_libraries(strata_follow_kit PUBLIC strata_loader GTest::gtest GTest::gmock
                                               GTest::gtest_main)

# strata_add_follow_test(NAME SOURCES …)
function(strata_add_follow_test name)
  add_executable(${name} ${ARGN})
  strata_target_options(${name})
  target_link_libraries(${name} PRIVATE strata_follow_kit)
  add_test(NAME ${name} COMMAND ${PROJECT_SOURCE_DIR}/tests/kit/private_mariadb.sh run --
                                $<TARGET_FILE:${name}>)
  set_tests_properties(${name} PROPERTIES LABELS "mysql;server;threads" TIMEOUT 900)
  add_dependencies(strata_thread_tests ${name})
endfunction()
strata_add_follow_test(mysql_follow_test follow_example_test.cc mysql_dialect_server_test.cc
                       mysql_digest_test.cc mysql_follow_advice_test.cc mysql_follow_cursor_test.cc
                       mysql_follow_forms_test.cc mysql_follow_open_test.cc
                       mysql_follow_query_test.cc
                       mysql_follow_settings_test.cc mysql_follow_several_test.cc
                       mysql_follow_test.cc)
strata_add_follow_test(mysql_follow_large_test mysql_follow_large_test.cc)
strata_add_follow_test(mysql_memory_test mysql_memory_test.cc)
strata_add_follow_test(mysql_storm_test mysql_storm_test.cc)

# One by one; all of them in random order is for `make storm`. A server of its own to be killed, so
# that sanitizers' time goes to the tests above.
add_executable(mysql_fault_test faulty_server.cc mysql_fault_test.cc)
strata_target_options(mysql_fault_test)
target_link_libraries(mysql_fault_test PRIVATE strata_follow_kit)
add_test(NAME mysql_fault_test
         COMMAND ${PROJECT_SOURCE_DIR}/tests/kit/private_mariadb.sh run --
                 $<TARGET_FILE:mysql_fault_test> --gtest_filter=-*InRandomOrder*)
set_tests_properties(mysql_fault_test PROPERTIES LABELS "mysql;server" TIMEOUT 600)
add_test(NAME mysql_faults_in_random_order CONFIGURATIONS storm
         COMMAND ${PROJECT_SOURCE_DIR}/tests/kit/private_mariadb.sh run --
                 $<TARGET_FILE:mysql_fault_test> --gtest_filter=*InRandomOrder*)
set_tests_properties(mysql_faults_in_random_order PROPERTIES LABELS storm TIMEOUT 600)

# The same storm for a minute: `make storm`, or ctest --preset dev -C storm -L storm.
add_test(NAME mysql_storm_minute CONFIGURATIONS storm
         COMMAND ${CMAKE_COMMAND} -E env STRATA_STORM_SECONDS=60
                 ${PROJECT_SOURCE_DIR}/tests/kit/private_mariadb.sh run --
                 $<TARGET_FILE:mysql_storm_test>)
set_tests_properties(mysql_storm_minute PROPERTIES LABELS storm TIMEOUT 600)
