// The ticket queues of the process: every thread that opens the same memory gets the same object.
#pragma once

#include <memory>
#include <mutex>
#include <unordered_map>

#include "ticket_queue.hpp"

namespace fairlead {

/// A share in a queue. The object lives until its last share is closed, whichever thread that is; the memory must live
/// at least as long, so each thread that holds a share also holds the memory.
///
/// Opening and closing take a lock; they are no part of the hot path.
class SharedTicketQueue {
 public:
  /// Throws std::bad_alloc.
  explicit SharedTicketQueue(Word* base) : SharedTicketQueue(base, QueueGeometry::of(base)) {}
  /// Of a geometry that was checked, whatever stands in the memory since.
  SharedTicketQueue(Word* base, const QueueGeometry& geometry);
  ~SharedTicketQueue();
  SharedTicketQueue(const SharedTicketQueue&) = delete;
  SharedTicketQueue& operator=(const SharedTicketQueue&) = delete;

  TicketQueue& operator*() const noexcept { return *queue_; }
  TicketQueue* operator->() const noexcept { return queue_; }

  /// Queues that are open in the process.
  static std::size_t openQueues();

 private:
  TicketQueue* queue_;
};

} // namespace fairlead
