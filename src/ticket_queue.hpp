// A bounded queue of 32-bit numbers over threads: the native engine of lib/queue.
//
// Each producer thread appends to a lane of its own, block by block; any thread reads any lane, by moving the lane's HEAD.
// A lane with something to read travels, as a 32-bit handle, through boost::lockfree::queue: a consumer takes the handle
// out, reads a block, and puts it back while more is there. Where there are few lanes, consumers look at each of them
// instead, and the handles stay where they are. A producer takes its own blocks back once they were read; what it does not
// need travels through boost::lockfree::stack.
#pragma once

#include <boost/lockfree/queue.hpp>

#include "block_pool.hpp"
#include "request_holds.hpp"
#include "request_queue.hpp"
#include "ticket_queue_credits.hpp"

namespace fairlead {

/// What all threads share beside the memory. Methods do not throw and do not block. Those that take a lane may be called
/// by its owner only, those without one by any thread; all of them at any time.
class TicketQueue {
 public:
  static constexpr std::int32_t kNone = -1;

  /// Over formatted memory that outlives this object. Where the memory was used before, by objects that are gone, finds
  /// what is free and what is readable. Throws std::bad_alloc.
  explicit TicketQueue(Word* base) : TicketQueue(base, QueueGeometry::of(base)) {}
  /// Of a geometry that was checked, whatever stands in the memory since.
  TicketQueue(Word* base, const QueueGeometry& geometry);

  Word* base() const noexcept { return memory_.base(); }

  /// A lane of the caller's own, or kNone when all are taken. Lock-free.
  std::int32_t takeLane(Word owner) noexcept;
  /// What is published stays readable, what is accepted but not published is dropped. Lock-free.
  void releaseLane(std::uint32_t lane) noexcept;

  /// Accepts numbers in order, publishing each block that gets full; returns how many. Lock-free.
  std::uint32_t pushMany(std::uint32_t lane, const Word* tickets, std::uint32_t count) noexcept;
  /// Makes what was accepted readable. Lock-free.
  void publish(std::uint32_t lane) noexcept;
  /// Fills `out` with up to `count` numbers; returns how many. `next` is the caller's own: the lane that it reads next
  /// where there are few. Lock-free.
  std::uint32_t popMany(Word* out, std::uint32_t count, std::uint32_t& next) noexcept;
  /// The same for a queue of requests, until the sink wants no more.
  void popRequests(RequestSink& sink, std::uint32_t& next) noexcept;
  /// Pops requests where they lie, all of one block, which stays theirs until `letGo`. See RequestHolds for `holder`.
  RequestSpan holdRequests(std::uint32_t holder, std::uint32_t count, std::uint32_t& next) noexcept;
  RequestHolds& holds() noexcept { return holds_; }
  void letGo(std::uint32_t holder) noexcept;
  RequestSlab slab() const noexcept { return RequestSlab(memory_); }

  // The parts of a push, for callers that do the rest on the memory themselves (lib/queue/port.ts).

  /// See TicketQueueCredits::obtain.
  std::uint32_t obtain(std::uint32_t lane, std::uint32_t count) noexcept {
    return credits_.obtain(lane, count);
  }
  /// Gives the lane, whose last block is full, its next one: false when there is none. Lock-free.
  bool openBlock(std::uint32_t lane) noexcept;
  /// To be called after TAIL was moved: makes consumers find the lane. Lock-free.
  void announce(std::uint32_t lane) noexcept;

 private:
  // A sink takes what is popped: after `copy`, either `take` says that it was popped, or `drop` that another thread was
  // quicker.

  template <class Sink>
  void pop(Sink& sink, std::uint32_t& next) noexcept;
  /// Reads as much as the sink wants, not beyond the end of a block; returns how much that was.
  template <class Sink>
  std::uint32_t read(std::uint32_t lane, Sink& sink) noexcept;
  /// Puts a lane that this thread has in hand back, or lets it go when it is empty.
  void putBack(std::uint32_t lane) noexcept;
  /// Looks at each lane in turn, from `next` on, and at none twice in vain.
  template <class Sink>
  void readInTurn(std::uint32_t lanes, Sink& sink, std::uint32_t& next) noexcept;
  /// As the last resort, looks at every lane: another consumer may have the handle of a readable one in hand.
  template <class Sink>
  void readUnlisted(Sink& sink) noexcept;
  bool isReadable(std::uint32_t lane) const noexcept;

  /// See lib/queue/time-in-queue.ts.
  void takeUpProbe(std::uint32_t lane, Word position, std::uint32_t count) noexcept;

  TicketQueueMemory memory_;
  TicketQueueCredits credits_;
  RequestHolds holds_;
  BlockPool pool_;
  /// Handles of readable lanes. Each lane is in here at most once.
  boost::lockfree::queue<std::uint32_t, boost::lockfree::fixed_sized<true>> readable_;
};

} // namespace fairlead
