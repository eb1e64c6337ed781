# Each test/native/*_test.cpp is a program of its own: it exits with 0, or says what failed.
enable_testing()
find_package(Threads REQUIRED)

set(FAIRLEAD_SANITIZER_FLAGS "")
if(FAIRLEAD_SANITIZE STREQUAL thread)
  set(FAIRLEAD_SANITIZER_FLAGS -fsanitize=thread)
elseif(FAIRLEAD_SANITIZE STREQUAL address)
  set(FAIRLEAD_SANITIZER_FLAGS -fsanitize=address,undefined -fno-sanitize-recover=all)
elseif(NOT FAIRLEAD_SANITIZE STREQUAL none)
  message(FATAL_ERROR "FAIRLEAD_SANITIZE is thread, address or none, not ${FAIRLEAD_SANITIZE}")
endif()

# Assertions stay on in tests, whatever the build type.
set(CMAKE_CXX_FLAGS_RELEASE "-O1 -g")

# Options of ours and the sanitizer's. The core is instrumented, too: its races are what the tests are for.
function(fairlead_sanitized target)
  fairlead_own(${target})
  target_compile_options(${target} PRIVATE -fno-omit-frame-pointer ${FAIRLEAD_SANITIZER_FLAGS})
  # g++ 12 does not know std::atomic_thread_fence under ThreadSanitizer, and takes some instrumented reads for
  # uninitialized ones: warnings here, errors in the addon's build.
  if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
    target_compile_options(${target} PRIVATE -Wno-error=tsan -Wno-error=maybe-uninitialized)
  endif()
endfunction()

set(FAIRLEAD_TSAN_OPTIONS "halt_on_error=0 exitcode=66 second_deadlock_stack=1")
set(FAIRLEAD_SUPPRESSIONS "${CMAKE_SOURCE_DIR}/test/native/tsan.supp")
if(EXISTS "${FAIRLEAD_SUPPRESSIONS}")
  string(APPEND FAIRLEAD_TSAN_OPTIONS " suppressions=${FAIRLEAD_SUPPRESSIONS}")
endif()

if(TARGET fairlead_core)
  fairlead_sanitized(fairlead_core)
endif()

file(GLOB FAIRLEAD_TEST_SOURCES CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/test/native/*_test.cpp")
foreach(source ${FAIRLEAD_TEST_SOURCES})
  get_filename_component(name "${source}" NAME_WE)
  add_executable(${name} "${source}")
  fairlead_sanitized(${name})
  target_include_directories(${name} PRIVATE "${CMAKE_SOURCE_DIR}/test/native")
  target_link_options(${name} PRIVATE ${FAIRLEAD_SANITIZER_FLAGS})
  target_link_libraries(${name} PRIVATE Threads::Threads)
  if(TARGET fairlead_core)
    target_link_libraries(${name} PRIVATE fairlead_core)
  endif()
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES
    TIMEOUT 180
    ENVIRONMENT "TSAN_OPTIONS=${FAIRLEAD_TSAN_OPTIONS};ASAN_OPTIONS=detect_leaks=1:halt_on_error=1")
endforeach()

if(FAIRLEAD_SANITIZE STREQUAL thread)
  include(cmake/weakened.cmake)
endif()
