// The queues as lib/queue/native-lanes.ts sees them.
#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>

#include "../src/ticket_queue_registry.hpp"
#include "arguments.hpp"
#include "bells.hpp"
#include "registration.hpp"

namespace fairlead::binding {

namespace {

/// One thread's share in a queue, and the lane that it has taken. Freed when the garbage collector has taken the last
/// function of it, or by the environment's clean-up hook when the thread ends, however it ends.
class BoundQueue {
 public:
  BoundQueue(Napi::Env env, Word* base, Napi::Object words)
      : env_(env), memory_(Napi::Persistent(words)), queue_(std::in_place, base) {
    napi_add_env_cleanup_hook(env_, leaveAtEnd, this);
  }
  ~BoundQueue() {
    napi_remove_env_cleanup_hook(env_, leaveAtEnd, this);
    leave();
  }
  BoundQueue(const BoundQueue&) = delete;
  BoundQueue& operator=(const BoundQueue&) = delete;

  /// Null after the thread's end has begun.
  TicketQueue* queue() const noexcept { return queue_ ? &**queue_ : nullptr; }
  /// See TicketQueue::popMany.
  std::uint32_t nextLane = 0;

  bool holdsRequests() const noexcept { return queue_ && (*queue_)->slab().geometry().slotBytes > 0; }
  bool owns(std::uint32_t lane) const noexcept { return lane_ == static_cast<std::int32_t>(lane); }

  std::int32_t takeLane(Word owner) noexcept {
    if (queue_ && lane_ == TicketQueue::kNone) lane_ = (*queue_)->takeLane(owner);
    return lane_;
  }
  void releaseLane() noexcept {
    if (queue_ && lane_ != TicketQueue::kNone) (*queue_)->releaseLane(static_cast<std::uint32_t>(lane_));
    lane_ = TicketQueue::kNone;
  }

 private:
  void leave() noexcept {
    releaseLane();
    queue_.reset();
  }
  static void leaveAtEnd(void* self) { static_cast<BoundQueue*>(self)->leave(); }

  napi_env env_;
  Napi::ObjectReference memory_;
  std::optional<SharedTicketQueue> queue_;
  std::int32_t lane_ = TicketQueue::kNone;
};

using Bound = std::shared_ptr<BoundQueue>;

// Raw callbacks, as in core_binding.cpp: they do not throw, and are half as dear as node-addon-api's.

struct Call {
  napi_env env;
  BoundQueue& bound;
  napi_value argv[4];

  Call(napi_env env, napi_callback_info info) : env(env), bound(**data(env, info, argv)) {}

  std::uint32_t number(int at) const {
    std::uint32_t value = 0;
    return napi_get_value_uint32(env, argv[at], &value) == napi_ok ? value : 0;
  }
  /// Null where the first argument is not the lane that this thread owns.
  TicketQueue* own() const { return bound.owns(number(0)) ? bound.queue() : nullptr; }
  /// Null where the argument is no Uint32Array.
  Word* tickets(int at, std::size_t& length) const {
    napi_typedarray_type type{};
    void* data = nullptr;
    const bool taken =
        napi_get_typedarray_info(env, argv[at], &type, &length, &data, nullptr, nullptr) == napi_ok;
    return taken && type == napi_uint32_array ? static_cast<Word*>(data) : nullptr;
  }
  /// Null where the argument is no Uint8Array.
  std::byte* bytes(int at, std::size_t& length) const {
    napi_typedarray_type type{};
    void* data = nullptr;
    const bool taken =
        napi_get_typedarray_info(env, argv[at], &type, &length, &data, nullptr, nullptr) == napi_ok;
    return taken && type == napi_uint8_array ? static_cast<std::byte*>(data) : nullptr;
  }
  napi_value returns(std::int64_t value) const {
    napi_value result = nullptr;
    napi_create_int64(env, value, &result);
    return result;
  }

 private:
  static Bound* data(napi_env env, napi_callback_info info, napi_value* argv) {
    std::size_t argc = 4;
    void* data = nullptr;
    napi_get_cb_info(env, info, &argc, argv, nullptr, &data);
    return static_cast<Bound*>(data);
  }
};

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

/// (chunk, from, lengths, wanted) => popped | ~popped where room was wanting
napi_value popRequests(napi_env env, napi_callback_info info) noexcept {
  const Call call(env, info);
  TicketQueue* const queue = call.bound.queue();
  std::size_t bytes = 0;
  std::size_t most = 0;
  std::byte* const chunk = call.bytes(0, bytes);
  Word* const lengths = call.tickets(2, most);
  const std::size_t from = call.number(1);
  constexpr std::size_t kAlignment = sizeof(DoubleWord);
  if (queue == nullptr || !call.bound.holdsRequests() || chunk == nullptr || lengths == nullptr ||
      from > bytes || (reinterpret_cast<std::uintptr_t>(chunk) + from) % kAlignment != 0)
    return call.returns(0);
  RequestSink sink(queue->slab(), reinterpret_cast<DoubleWord*>(chunk + from), bytes - from, lengths,
                   std::min(call.number(3), static_cast<std::uint32_t>(most)));
  queue->popRequests(sink, call.bound.nextLane);
  if (!sink.isFull()) return call.returns(sink.taken());
  lengths[sink.taken()] = sink.needed();
  return call.returns(~std::int64_t{sink.taken()});
}

/// (waiter)
napi_value ring(napi_env env, napi_callback_info info) noexcept {
  const Call call(env, info);
  if (TicketQueue* const queue = call.bound.queue()) Bells::ring(queue->base(), call.number(0));
  return nullptr;
}

/// (waiter)
napi_value closeBell(napi_env env, napi_callback_info info) noexcept {
  const Call call(env, info);
  if (TicketQueue* const queue = call.bound.queue()) Bells::close(queue->base(), call.number(0));
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
    bound = std::make_shared<BoundQueue>(env, base, info[0].As<Napi::Object>());
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
  addFunction(env, functions, "ring", ring, bound);
  addFunction(env, functions, "closeBell", closeBell, bound);
  // openBell(waiter, onRing)
  functions.Set("openBell", Napi::Function::New(
                                env,
                                [base](const Napi::CallbackInfo& info) {
                                  const auto waiter = index(info[0], queue_layout::sizes::kWaiters, "waiter");
                                  if (!info[1].IsFunction())
                                    throw Napi::TypeError::New(info.Env(), "onRing is not a function");
                                  Bells::open(info.Env(), base, waiter, info[1].As<Napi::Function>());
                                },
                                "openBell"));
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
