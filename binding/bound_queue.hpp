// One thread's share in a queue, and a call of one of its functions: for queue_binding.cpp and request_binding.cpp.
#pragma once

#include <bit>
#include <cstddef>
#include <memory>
#include <optional>

#include "../src/ticket_queue_registry.hpp"
#include "arguments.hpp"

namespace fairlead::binding {

/// One thread's share in a queue, and the lane and the holders that it has taken. Freed when the garbage collector has taken
/// the last
/// function of it, or by the environment's clean-up hook when the thread ends, however it ends.
class BoundQueue {
 public:
  BoundQueue(Napi::Env env, Word* base, const QueueGeometry& geometry, Napi::Object words)
      : env_(env), memory_(Napi::Persistent(words)), queue_(std::in_place, base, geometry) {
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

  std::int32_t takeHolder(Word owner) noexcept {
    const std::int32_t holder = holdsRequests() ? (*queue_)->holds().take(owner) : RequestHolds::kNone;
    if (holder != RequestHolds::kNone) holders_ |= 1u << holder;
    return holder;
  }
  bool ownsHolder(std::uint32_t holder) const noexcept {
    return queue_ && holder < queue_layout::sizes::kHolders && (holders_ >> holder & 1) != 0;
  }
  void freeHolder(std::uint32_t holder) noexcept {
    if (!ownsHolder(holder)) return;
    (*queue_)->letGo(holder);
    (*queue_)->holds().free(holder);
    holders_ &= ~(1u << holder);
  }

 private:
  static_assert(queue_layout::sizes::kHolders <= 32, "a bit for each holder");

  void leave() noexcept {
    releaseLane();
    while (holders_ != 0) freeHolder(static_cast<std::uint32_t>(std::countr_zero(holders_)));
    queue_.reset();
  }
  static void leaveAtEnd(void* self) { static_cast<BoundQueue*>(self)->leave(); }

  napi_env env_;
  Napi::ObjectReference memory_;
  std::optional<SharedTicketQueue> queue_;
  std::int32_t lane_ = TicketQueue::kNone;
  /// A bit for each holder of this thread's.
  std::uint32_t holders_ = 0;
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

/// (chunk, from, lengths, wanted) => popped | ~popped where room was wanting
napi_value popRequests(napi_env env, napi_callback_info info) noexcept;
/// (owner) => holder | -1
napi_value takeHolder(napi_env env, napi_callback_info info) noexcept;
/// (holder, wanted) => count * 2^32 + slot
napi_value holdRequests(napi_env env, napi_callback_info info) noexcept;
/// (holder)
napi_value freeHolder(napi_env env, napi_callback_info info) noexcept;

} // namespace fairlead::binding
