# The addon. cmake-js supplies CMAKE_JS_INC, CMAKE_JS_SRC and CMAKE_JS_LIB.
if(NOT CMAKE_JS_INC)
  message(FATAL_ERROR "fairlead: the addon is built by cmake-js; run `npm run build:native`")
endif()

file(GLOB FAIRLEAD_BINDING CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/binding/*.cpp")
add_library(fairlead SHARED ${FAIRLEAD_BINDING} ${CMAKE_JS_SRC})
set_target_properties(fairlead PROPERTIES PREFIX "" SUFFIX ".node")
target_include_directories(fairlead SYSTEM PRIVATE ${CMAKE_JS_INC})
target_link_libraries(fairlead PRIVATE ${CMAKE_JS_LIB})
target_compile_definitions(fairlead PRIVATE NAPI_VERSION=9 NODE_ADDON_API_CPP_EXCEPTIONS
  # A terminated worker's errors have nowhere to go: without this they would end the process.
  NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS)
fairlead_own(fairlead)
if(TARGET fairlead_core)
  fairlead_own(fairlead_core)
  target_link_libraries(fairlead PRIVATE fairlead_core)
endif()

# One unit for the optimiser: a pick goes from the binding into the core.
include(CheckIPOSupported)
check_ipo_supported(RESULT FAIRLEAD_IPO OUTPUT FAIRLEAD_IPO_REASON LANGUAGES CXX)
if(FAIRLEAD_IPO)
  set_target_properties(fairlead PROPERTIES INTERPROCEDURAL_OPTIMIZATION ON)
  if(TARGET fairlead_core)
    set_target_properties(fairlead_core PROPERTIES INTERPROCEDURAL_OPTIMIZATION ON)
  endif()
endif()

if(CMAKE_SYSTEM_NAME STREQUAL Linux)
  # Nothing but the two entry points is visible, so that another addon's C++ symbols never meet ours.
  # libstdc++ goes inside: the host may have an older one. libgcc stays shared: a second unwinder breaks exceptions.
  set(FAIRLEAD_EXPORTS "${CMAKE_BINARY_DIR}/exports.map")
  file(WRITE "${FAIRLEAD_EXPORTS}"
    "{ global: napi_register_module_v1; node_api_module_get_api_version_v1; local: *; };\n")
  target_link_options(fairlead PRIVATE
    "-Wl,--version-script=${FAIRLEAD_EXPORTS}" -static-libstdc++ -Wl,--gc-sections -Wl,-z,now)
endif()
