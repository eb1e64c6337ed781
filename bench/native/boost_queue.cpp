// What fairlead is measured against: boost::lockfree::queue with an item a node, as C++ programs use it. Benchmarks only.
#include <node_api.h>

#include <boost/lockfree/queue.hpp>
#include <cstdint>

namespace {

/// The most that a fixed-size Boost queue holds.
constexpr std::size_t kCapacity = 65534;

/// One for the process, which is one case.
boost::lockfree::queue<std::uint32_t, boost::lockfree::fixed_sized<true>>& queue() {
  static boost::lockfree::queue<std::uint32_t, boost::lockfree::fixed_sized<true>> instance(kCapacity);
  return instance;
}

struct Call {
  std::uint32_t* tickets = nullptr;
  std::uint32_t from = 0;
  std::uint32_t to = 0;

  Call(napi_env env, napi_callback_info info) {
    std::size_t argc = 2;
    napi_value argv[2];
    void* data = nullptr;
    napi_get_cb_info(env, info, &argc, argv, nullptr, &data);
    napi_get_value_uint32(env, argv[0], &from);
    napi_get_value_uint32(env, argv[1], &to);
    tickets = static_cast<std::uint32_t*>(data);
  }
};

napi_value number(napi_env env, std::uint32_t value) {
  napi_value result = nullptr;
  napi_create_uint32(env, value, &result);
  return result;
}

/// (from, to) => pushed, one by one
napi_value push(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  std::uint32_t at = call.from;
  while (at < call.to && queue().bounded_push(call.tickets[at])) ++at;
  return number(env, at - call.from);
}

/// (from, to) => popped, one by one
napi_value pop(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  std::uint32_t at = call.from;
  while (at < call.to && queue().pop(call.tickets[at])) ++at;
  return number(env, at - call.from);
}

/// (tickets: Uint32Array) => { push, pop }. The caller keeps the array for as long as it calls them: no call pays for
/// taking it apart.
napi_value open(napi_env env, napi_callback_info info) {
  std::size_t argc = 1;
  napi_value argv[1];
  napi_get_cb_info(env, info, &argc, argv, nullptr, nullptr);
  napi_typedarray_type type{};
  void* tickets = nullptr;
  if (napi_get_typedarray_info(env, argv[0], &type, nullptr, &tickets, nullptr, nullptr) != napi_ok ||
      type != napi_uint32_array) {
    napi_throw_type_error(env, nullptr, "open takes a Uint32Array");
    return nullptr;
  }
  napi_value result = nullptr;
  napi_create_object(env, &result);
  const auto add = [&](const char* name, napi_callback callback) {
    napi_value function = nullptr;
    napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, tickets, &function);
    napi_set_named_property(env, result, name, function);
  };
  add("push", push);
  add("pop", pop);
  return result;
}

} // namespace

NAPI_MODULE_INIT() {
  napi_value function = nullptr;
  napi_create_function(env, "open", NAPI_AUTO_LENGTH, open, nullptr, &function);
  napi_set_named_property(env, exports, "open", function);
  return exports;
}
