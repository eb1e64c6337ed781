// Which blocks of a queue of requests are being read in place. docs/concurrency/queues.md has the protocol.
#pragma once

#include "ticket_queue_memory.hpp"

namespace fairlead {

/// Requests in neighbouring slots.
struct RequestSpan {
  std::uint32_t slot = 0;
  std::uint32_t count = 0;
};

/// A *holder* names one block that stays as it is. Any thread may call any method at any time, those that take a holder its
/// owner only. Lock-free. In a queue of tickets nothing is held.
class RequestHolds {
 public:
  static constexpr std::int32_t kNone = -1;

  explicit RequestHolds(const TicketQueueMemory& memory) noexcept : memory_(memory) {}

  /// A holder of the caller's own, or kNone when all are taken. Not in a queue of tickets.
  std::int32_t take(Word owner) noexcept;
  /// Gives one back that holds nothing.
  void free(std::uint32_t holder) noexcept;

  /// To be called before HEAD moves; the holder holds nothing yet.
  void hold(std::uint32_t holder, BlockIndex block) noexcept;
  /// The block that the caller has to give back, or kNone where its lane still has it, or another holder.
  std::int32_t letGo(std::uint32_t holder) noexcept;
  /// Leaves a block that was taken from its lane to one that holds it: false where nobody does.
  bool park(BlockIndex block) noexcept;

 private:
  TicketQueueMemory memory_;
};

} // namespace fairlead
