#include "request_holds.hpp"

// Numbers in brackets name the atomic operations; docs/concurrency/queues.md lists them with their partners.

namespace fairlead {

using namespace queue_layout;
using std::memory_order_acq_rel;
using std::memory_order_acquire;
using std::memory_order_relaxed;
using std::memory_order_release;

std::int32_t RequestHolds::take(Word owner) noexcept {
  for (std::uint32_t holder = 0; holder < sizes::kHolders; ++holder) {
    Word nobody = 0;
    // (Q11) One thread has it.
    if (!memory_.holder(holder, holder::kOwner)
             .compare_exchange_strong(nobody, owner, memory_order_acquire, memory_order_relaxed))
      continue;
    const auto used = memory_.header(header::kHoldersUsed);
    Word count = used.load(memory_order_relaxed);
    while (count <= holder && !used.compare_exchange_weak(count, holder + 1, memory_order_relaxed)) {
    } // (Q17) Relaxed: Q3 publishes it, with the hold.
    return static_cast<std::int32_t>(holder);
  }
  return kNone;
}

void RequestHolds::free(std::uint32_t holder) noexcept {
  // (Q11) The next owner sees its words.
  memory_.holder(holder, holder::kOwner).store(0, memory_order_release);
}

void RequestHolds::hold(std::uint32_t holder, BlockIndex block) noexcept {
  // (Q17) It comes before Q3, and only who sees that Q3 takes the block from its lane (Q9). Release: who finds this holder
  // with another block than the one before knows that what was read there is over.
  memory_.holder(holder, holder::kHold).store(Word{block} + 1, memory_order_release);
}

std::int32_t RequestHolds::letGo(std::uint32_t holder) noexcept {
  // (Q18) Release: what was read in the block is over. Acquire: what the others did that have let go before it was parked.
  const Word held = memory_.holder(holder, holder::kHold).exchange(0, memory_order_acq_rel);
  if ((held & sizes::kHoldParked) == 0) return kNone;
  const auto block = static_cast<BlockIndex>((held & ~sizes::kHoldParked) - 1);
  return park(block) ? kNone : block;
}

bool RequestHolds::park(BlockIndex block) noexcept {
  const Word used = memory_.holdersUsed();
  for (Word holder = 0; holder < used; ++holder) {
    const auto hold = memory_.holder(holder, holder::kHold);
    // (Q18) Acquire on a holder that has let go: what it read is over. The block is in no lane, so nobody comes to hold it.
    Word held = hold.load(memory_order_acquire);
    if (held == Word{block} + 1 && hold.compare_exchange_strong(held, held | sizes::kHoldParked,
                                                                memory_order_acq_rel, memory_order_acquire))
      return true;
  }
  return false;
}

} // namespace fairlead
