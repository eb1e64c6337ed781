// What a queue of requests has beside the functions of queue_binding.cpp.
#include <algorithm>

#include "bound_queue.hpp"

namespace fairlead::binding {

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

napi_value takeHolder(napi_env env, napi_callback_info info) noexcept {
  const Call call(env, info);
  return call.returns(call.bound.takeHolder(call.number(0)));
}

napi_value holdRequests(napi_env env, napi_callback_info info) noexcept {
  const Call call(env, info);
  const std::uint32_t holder = call.number(0);
  if (!call.bound.ownsHolder(holder)) return call.returns(0);
  const RequestSpan span = call.bound.queue()->holdRequests(holder, call.number(1), call.bound.nextLane);
  return call.returns(std::int64_t{span.count} << 32 | span.slot);
}

napi_value freeHolder(napi_env env, napi_callback_info info) noexcept {
  const Call call(env, info);
  call.bound.freeHolder(call.number(0));
  return nullptr;
}

} // namespace fairlead::binding
