#include "ticket_queue_registry.hpp"

namespace fairlead {

namespace {

struct Entry {
  std::unique_ptr<TicketQueue> queue;
  std::size_t shares = 0;
};

/// Identified by their memory: it has one address for all threads of the process, and no other queue has it meanwhile.
struct Registry {
  std::mutex mutex;
  std::unordered_map<Word*, Entry> queues;
};

/// Never destroyed: threads may still close queues while the process exits.
Registry& registry() {
  static Registry& instance = *new Registry;
  return instance;
}

} // namespace

SharedTicketQueue::SharedTicketQueue(Word* base, const QueueGeometry& geometry) {
  const std::lock_guard lock(registry().mutex);
  auto& queues = registry().queues;
  auto at = queues.find(base);
  if (at == queues.end())
    at = queues.emplace(base, Entry{std::make_unique<TicketQueue>(base, geometry)}).first;
  ++at->second.shares;
  queue_ = at->second.queue.get();
}

SharedTicketQueue::~SharedTicketQueue() {
  const std::lock_guard lock(registry().mutex);
  const auto at = registry().queues.find(queue_->base());
  if (--at->second.shares == 0) registry().queues.erase(at);
}

std::size_t SharedTicketQueue::openQueues() {
  const std::lock_guard lock(registry().mutex);
  return registry().queues.size();
}

} // namespace fairlead
