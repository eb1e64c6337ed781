# Can ThreadSanitizer see our orderings at all? A test is built once more for each of these, on a copy of the
# sources in which one ordering is weaker than it has to be, and passes if a race is reported. Atomic operations alone
# would never race: what they hand over must be plain memory, and these tests' is.

# fairlead_weakened(<test> <name> <file in src> <operation as it stands there, once> <the weaker one>)
function(fairlead_weakened test name source operation weaker)
  set(folder "${CMAKE_BINARY_DIR}/weakened/${name}")
  file(READ "${CMAKE_SOURCE_DIR}/src/${source}" text)
  string(FIND "${text}" "${operation}" first)
  string(FIND "${text}" "${operation}" last REVERSE)
  if(first EQUAL -1 OR NOT first EQUAL last)
    message(FATAL_ERROR "weakened build ${name}: src/${source} does not have exactly one `${operation}`")
  endif()
  string(REPLACE "${operation}" "${weaker}" text "${text}")
  file(CONFIGURE OUTPUT "${folder}/${source}" CONTENT "${text}" @ONLY)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/src/${source}")

  set(sources ${FAIRLEAD_CORE})
  list(REMOVE_ITEM sources "${CMAKE_SOURCE_DIR}/src/${source}")
  set(target ${test}_weakened_${name})
  add_executable(${target} "${CMAKE_SOURCE_DIR}/test/native/${test}_test.cpp" "${folder}/${source}" ${sources})
  fairlead_sanitized(${target})
  target_include_directories(${target} PRIVATE "${CMAKE_SOURCE_DIR}/test/native")
  target_link_options(${target} PRIVATE ${FAIRLEAD_SANITIZER_FLAGS})
  target_link_libraries(${target} PRIVATE Threads::Threads)
  add_test(NAME ${target} COMMAND ${target})
  set_tests_properties(${target} PROPERTIES
    TIMEOUT 180
    ENVIRONMENT "TSAN_OPTIONS=${FAIRLEAD_TSAN_OPTIONS} halt_on_error=1" # the first report is enough
    PASS_REGULAR_EXPRESSION "WARNING: ThreadSanitizer: data race")
endfunction()

# Numbers as in docs/concurrency/queues.md.
fairlead_weakened(ticket_queue_handover q2_store ticket_queue.cpp
  "tailWord.store(tail, memory_order_seq_cst)" "tailWord.store(tail, memory_order_relaxed)")
fairlead_weakened(ticket_queue_handover q2_load ticket_queue.cpp
  "memory_.lane(lane, lane::kTail).load(memory_order_acquire) - position"
  "memory_.lane(lane, lane::kTail).load(memory_order_relaxed) - position")
fairlead_weakened(ticket_queue_handover q11_take ticket_queue.cpp
  "compare_exchange_strong(nobody, owner, memory_order_acquire, memory_order_relaxed)"
  "compare_exchange_strong(nobody, owner, memory_order_relaxed, memory_order_relaxed)")
fairlead_weakened(ticket_queue_handover q11_give ticket_queue.cpp
  "memory_.lane(lane, lane::kOwner).store(0, memory_order_release)"
  "memory_.lane(lane, lane::kOwner).store(0, memory_order_relaxed)")
fairlead_weakened(request_queue q18 request_holds.cpp
  "hold.load(memory_order_acquire)" "hold.load(memory_order_relaxed)")

# Of docs/concurrency/admission.md. The other half of (A3), and (A1), stand beside what boost::lockfree::queue orders anyway.
fairlead_weakened(waiting_lines a3 waiting_lines.cpp
  "compare_exchange_strong(seen, after, memory_order_acq_rel, memory_order_acquire)"
  "compare_exchange_strong(seen, after, memory_order_relaxed, memory_order_relaxed)")
