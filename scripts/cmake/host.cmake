# The simulator, the driver's sources inside it, and the native tests.

set(CMB_SANITIZE "" CACHE STRING "Sanitizers of the host build: empty, address (ASan and UBSan) or thread")
set_property(CACHE CMB_SANITIZE PROPERTY STRINGS "" address thread)

add_library(cmb_host_flags INTERFACE)
# The driver's and the configuration manager's strings are UTF-16, as on Windows, and pool tags are four characters. A bug check
# is a C++ exception in tests, and it unwinds through C frames.
target_compile_options(cmb_host_flags INTERFACE
    -Wall -Wextra -fvisibility=hidden -fPIC -fexceptions -fno-omit-frame-pointer "$<$<COMPILE_LANGUAGE:C>:-fshort-wchar;-Wno-multichar>")
if(CMB_SANITIZE STREQUAL "address")
    set(CMB_SANITIZE_FLAGS -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
elseif(CMB_SANITIZE STREQUAL "thread")
    set(CMB_SANITIZE_FLAGS -fsanitize=thread -fno-omit-frame-pointer)
elseif(NOT CMB_SANITIZE STREQUAL "")
    message(FATAL_ERROR "CMB_SANITIZE is '${CMB_SANITIZE}'; it must be empty, address or thread")
endif()
target_compile_options(cmb_host_flags INTERFACE ${CMB_SANITIZE_FLAGS})
target_link_options(cmb_host_flags INTERFACE ${CMB_SANITIZE_FLAGS})
find_package(Threads REQUIRED)
target_link_libraries(cmb_host_flags INTERFACE Threads::Threads)

cmb_sources(simulator_sources simulator_nt simulator_cm simulator_host)
add_library(simulator STATIC ${simulator_sources})
target_include_directories(simulator PUBLIC native/simulator/include native/simulator)
target_link_libraries(simulator PUBLIC cmb_host_flags)
if(CMB_TESTS)
    # Who runs next is the tests' to say. Nothing else pays for that.
    cmb_sources(schedule_sources simulator_schedule)
    target_sources(simulator PRIVATE ${schedule_sources})
    target_compile_definitions(simulator PUBLIC CMB_SCHEDULE)
endif()

cmb_sources(driver_sources driver)
add_library(driver STATIC ${driver_sources})
target_include_directories(driver PUBLIC driver)
target_link_libraries(driver PUBLIC simulator)
if(CMB_TESTS)
    # The tests bound the work of rules by counting basic blocks (test/driver/fixture/steps.cc): times would depend on the machine.
    set(rules_sources ${driver_sources})
    list(FILTER rules_sources INCLUDE REGEX "/driver/rules/")
    set_source_files_properties(${rules_sources} PROPERTIES COMPILE_OPTIONS -fsanitize-coverage=trace-pc)
endif()

foreach(suite IN ITEMS simulator_tests driver_tests schedule_tests addon_tests)
    cmb_sources(sources ${suite})
    if(CMB_TESTS AND sources)
        find_package(GTest REQUIRED)
        add_executable(${suite} ${sources})
        target_include_directories(${suite} PRIVATE "${PROJECT_SOURCE_DIR}")
        target_link_libraries(${suite} PRIVATE driver simulator GTest::gtest GTest::gtest_main)
        add_test(NAME ${suite} COMMAND ${suite})
    endif()
endforeach()
