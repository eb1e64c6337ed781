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

} // namespace fairlead::binding
