// The queues as lib/queue/native-lanes.ts sees them.
#include "bound_queue.hpp"
#include "notifiers.hpp"
#include "registration.hpp"

namespace fairlead::binding {

namespace {

/// (owner) => lane | -1
napi_value takeLane(napi_env env, napi_callback_info info) noexcept {
  const Call call(env, info);
  return call.returns(call.bound.takeLane(call.number(0)));
}

/// (lane)
napi_value releaseLane(napi_env env, napi_callback_info info) noexcept {
  const Call call(env, info);
  if (call.own() != nullptr) call.bound.releaseLane();
  return nullptr;
}

/// (lane, wanted) => accepted
napi_value obtain(napi_env env, napi_callback_info info) noexcept {
  const Call call(env, info);
  TicketQueue* const queue = call.own();
  return call.returns(queue == nullptr ? 0 : queue->obtain(call.number(0), call.number(1)));
}

/// (lane) => 1 | 0
napi_value openBlock(napi_env env, napi_callback_info info) noexcept {
  const Call call(env, info);
  TicketQueue* const queue = call.own();
  return call.returns(queue != nullptr && queue->openBlock(call.number(0)) ? 1 : 0);
}

/// (lane)
napi_value announce(napi_env env, napi_callback_info info) noexcept {
  const Call call(env, info);
  if (TicketQueue* const queue = call.own()) queue->announce(call.number(0));
  return nullptr;
}

/// (out) => popped
napi_value popMany(napi_env env, napi_callback_info info) noexcept {
  const Call call(env, info);
  TicketQueue* const queue = call.bound.queue();
  std::size_t length = 0;
  Word* const out = call.tickets(0, length);
  if (queue == nullptr || out == nullptr) return call.returns(0);
  return call.returns(queue->popMany(out, static_cast<std::uint32_t>(length), call.bound.nextLane));
}

/// (waiter)
napi_value notify(napi_env env, napi_callback_info info) noexcept {
  const Call call(env, info);
  if (TicketQueue* const queue = call.bound.queue()) Notifiers::notify(queue->base(), call.number(0));
  return nullptr;
}

/// (waiter)
napi_value closeNotifier(napi_env env, napi_callback_info info) noexcept {
  const Call call(env, info);
  if (TicketQueue* const queue = call.bound.queue()) Notifiers::close(queue->base(), call.number(0));
  return nullptr;
}

void addFunction(Napi::Env env, Napi::Object to, const char* name, napi_callback callback,
                 const Bound& bound) {
  auto data = std::make_unique<Bound>(bound);
  napi_value function = nullptr;
  if (napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, data.get(), &function) != napi_ok)
    throw Napi::Error::New(env);
  const auto free = [](napi_env, void* owned, void*) { delete static_cast<Bound*>(owned); };
  if (napi_add_finalizer(env, function, data.get(), free, nullptr, nullptr) != napi_ok)
    throw Napi::Error::New(env);
  data.release();
  to.Set(name, Napi::Value(env, function));
}

/// openQueue(words: Int32Array): NativeQueueFunctions
Napi::Value openQueue(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Word* const base = elements<Word>(info[0], napi_int32_array, queue_layout::header::kWords, "words");
  const QueueGeometry geometry = QueueGeometry::of(base);
  if (base[queue_layout::header::kFingerprint] != queue_layout::kFingerprint || !geometry.isSound())
    throw Napi::RangeError::New(env, "words is not the memory of a queue of this layout");
  elements<Word>(info[0], napi_int32_array, geometry.words(), "words");
  Bound bound;
  try {
    bound = std::make_shared<BoundQueue>(env, base, geometry, info[0].As<Napi::Object>());
  } catch (const std::bad_alloc&) {
    throw Napi::Error::New(
        env, "there is no memory left for a queue of " + std::to_string(geometry.capacity) + " items");
  }
  auto functions = Napi::Object::New(env);
  addFunction(env, functions, "takeLane", takeLane, bound);
  addFunction(env, functions, "releaseLane", releaseLane, bound);
  addFunction(env, functions, "obtain", obtain, bound);
  addFunction(env, functions, "openBlock", openBlock, bound);
  addFunction(env, functions, "announce", announce, bound);
  addFunction(env, functions, "popMany", popMany, bound);
  addFunction(env, functions, "popRequests", popRequests, bound);
  addFunction(env, functions, "takeHolder", takeHolder, bound);
  addFunction(env, functions, "holdRequests", holdRequests, bound);
  addFunction(env, functions, "freeHolder", freeHolder, bound);
  addFunction(env, functions, "notify", notify, bound);
  addFunction(env, functions, "closeNotifier", closeNotifier, bound);
  // openNotifier(waiter, onNotify)
  functions.Set("openNotifier", Napi::Function::New(
                                    env,
                                    [base](const Napi::CallbackInfo& info) {
                                      const auto waiter =
                                          index(info[0], queue_layout::sizes::kWaiters, "waiter");
                                      if (!info[1].IsFunction())
                                        throw Napi::TypeError::New(info.Env(), "onNotify is not a function");
                                      Notifiers::open(info.Env(), base, waiter, info[1].As<Napi::Function>());
                                    },
                                    "openNotifier"));
  return functions;
}

} // namespace

} // namespace fairlead::binding

void registerQueue(Napi::Env env, Napi::Object exports) {
  using namespace fairlead;
  exports.Set("queueLayoutFingerprint", Napi::Number::New(env, queue_layout::kFingerprint));
  exports.Set("openQueue", Napi::Function::New(env, binding::openQueue, "openQueue"));
  const auto openQueues = [](const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), static_cast<double>(SharedTicketQueue::openQueues()));
  };
  exports.Set("openQueues", Napi::Function::New(env, openQueues, "openQueues"));
}
