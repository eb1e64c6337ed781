// The free blocks of a ticket queue: those given back, on a lock-free stack, and those never used.
#pragma once

#include <boost/lockfree/stack.hpp>
#include <vector>

#include "ticket_queue_memory.hpp"

namespace fairlead {

/// Any thread may call any method at any time. Lock-free.
class BlockPool {
 public:
  static constexpr std::int32_t kNone = -1;

  /// `inUse` says of each block that was ever used whether a lane holds it; the others are free. Throws std::bad_alloc.
  BlockPool(const TicketQueueMemory& memory, const std::vector<bool>& inUse)
      : memory_(memory), returned_(memory.blocks()) {
    for (std::size_t block = 0; block < inUse.size(); ++block) {
      if (!inUse[block]) give(static_cast<BlockIndex>(block));
    }
  }

  /// A block of the caller's own, or kNone. The one given back last comes first: it is the warmest in the caches.
  std::int32_t take() noexcept {
    BlockIndex block = 0;
    if (returned_.pop(block)) return block;
    // (Q10) Relaxed: the number is all that is passed on; nobody has used the block before.
    const auto unused = memory_.header(queue_layout::header::kFirstUnused);
    Word next = unused.load(std::memory_order_relaxed);
    while (next < memory_.blocks()) {
      if (unused.compare_exchange_weak(next, next + 1, std::memory_order_relaxed))
        return static_cast<std::int32_t>(next);
    }
    return kNone;
  }

  /// Gives a block back. There is a node for each block, and each is given back once.
  void give(BlockIndex block) noexcept { returned_.bounded_push(block); }

 private:
  TicketQueueMemory memory_;
  boost::lockfree::stack<BlockIndex, boost::lockfree::fixed_sized<true>> returned_;
};

} // namespace fairlead
