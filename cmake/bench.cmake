# The addon of a peer that benchmarks compare with. Never part of the package.
add_library(fairlead_bench SHARED "${CMAKE_SOURCE_DIR}/bench/native/boost_queue.cpp" ${CMAKE_JS_SRC})
set_target_properties(fairlead_bench PROPERTIES PREFIX "" SUFFIX ".node")
target_include_directories(fairlead_bench SYSTEM PRIVATE ${CMAKE_JS_INC})
target_link_libraries(fairlead_bench PRIVATE ${CMAKE_JS_LIB})
target_compile_definitions(fairlead_bench PRIVATE NAPI_VERSION=9)
fairlead_own(fairlead_bench)
