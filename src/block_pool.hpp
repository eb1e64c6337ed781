// The free blocks of a queue.
#pragma once

#include <boost/lockfree/stack.hpp>

#include "request_holds.hpp"
#include "ticket_queue_memory.hpp"

namespace fairlead {

/// A block that was read stays with its lane until a producer takes it back: mostly the lane's own, which thus needs no word
/// that all threads write. What a lane has too much of goes on a lock-free stack for all.
///
/// Any thread may call any method at any time, those that take a lane its owner only. Lock-free.
class BlockPool {
 public:
  static constexpr std::int32_t kNone = -1;

  /// Where the memory was used before, finds the blocks that no lane has. Throws std::bad_alloc.
  BlockPool(const TicketQueueMemory& memory, RequestHolds& holds);

  /// A block of the caller's own, for a lane, or kNone.
  std::int32_t take(std::uint32_t lane) noexcept;
  /// Gives a block back. There is a node for each block, and each is given back once. Where the number comes from memory
  /// that was damaged, it is thrown away unless it is a block's.
  void give(BlockIndex block) noexcept {
    if (block < memory_.blocks()) returned_.bounded_push(block);
  }

 private:
  /// The oldest block of a lane that was read and that nobody holds, or kNone; those that are held before it are parked.
  std::int32_t takeRead(std::uint32_t lane) noexcept;
  /// Blocks of a lane that lie before HEAD.
  std::uint32_t readBlocks(std::uint32_t lane) const noexcept;
  std::int32_t takeUnused() noexcept;

  TicketQueueMemory memory_;
  RequestHolds& holds_;
  boost::lockfree::stack<BlockIndex, boost::lockfree::fixed_sized<true>> returned_;
};

} // namespace fairlead
