#include "block_pool.hpp"

#include <vector>

// Numbers in brackets name the atomic operations; docs/concurrency/queues.md lists them with their partners.

namespace fairlead {

using namespace queue_layout;
using std::memory_order_acq_rel;
using std::memory_order_acquire;
using std::memory_order_relaxed;

namespace {

/// Read blocks that a lane keeps: with more of them it would leave the caches, going round all that it has ever had.
constexpr std::uint32_t kKept = 16;
/// Blocks that a lane gives away at a time, so that no push takes long.
constexpr std::uint32_t kGivenAtOnce = 4;

} // namespace

BlockPool::BlockPool(const TicketQueueMemory& memory, RequestHolds& holds)
    : memory_(memory), holds_(holds), returned_(memory.blocks()) {
  std::vector<bool> isInUse(memory_.blocksUsed());
  const Word blockItems = memory_.blockMask() + 1;
  for (std::uint32_t lane = 0; lane < memory_.lanesUsed(memory_order_acquire); ++lane) {
    Word position = memory_.own(lane, lane::kReclaimed);
    const Word end = memory_.own(lane, lane::kBlockEnd);
    for (Word entry = 0; entry < memory_.directoryEntries() && static_cast<std::int32_t>(end - position) > 0;
         ++entry, position += blockItems) {
      const BlockIndex block = memory_.blockAt(lane, position);
      if (block < isInUse.size()) isInUse[block] = true;
    }
  }
  for (std::size_t block = 0; block < isInUse.size(); ++block) {
    if (!isInUse[block]) give(static_cast<BlockIndex>(block));
  }
}

std::int32_t BlockPool::take(std::uint32_t lane) noexcept {
  std::int32_t block = takeRead(lane);
  if (block != kNone) {
    std::int32_t surplus = kNone;
    for (std::uint32_t given = 0;
         given < kGivenAtOnce && readBlocks(lane) > kKept && (surplus = takeRead(lane)) != kNone; ++given)
      give(static_cast<BlockIndex>(surplus));
    return block;
  }
  // The one given back last comes first: it is the warmest in the caches.
  BlockIndex returned = 0;
  if (returned_.pop(returned)) return returned;
  block = takeUnused();
  const Word lanes = memory_.lanesUsed(memory_order_acquire);
  for (Word other = 0; block == kNone && other < lanes; ++other) block = takeRead(other);
  return block;
}

std::int32_t BlockPool::takeRead(std::uint32_t lane) noexcept {
  const auto reclaimed = memory_.lane(lane, lane::kReclaimed);
  const Word blockItems = memory_.blockMask() + 1;
  Word position = reclaimed.load(memory_order_acquire);
  // (Q1) Acquire: the copies of who has read it are made, and who holds it has said so.
  while (static_cast<std::int32_t>(memory_.lane(lane, lane::kHead).load(memory_order_acquire) - position) >=
         static_cast<std::int32_t>(blockItems)) {
    // The entry stays what it is until RECLAIMED has moved on.
    const BlockIndex block = memory_.blockAt(lane, position);
    if (!reclaimed.compare_exchange_strong(position, position + blockItems, memory_order_acq_rel,
                                           memory_order_acquire)) // (Q9) one producer gets the block
      continue;
    if (!holds_.park(block)) return block;
    position += blockItems;
  }
  return kNone;
}

std::uint32_t BlockPool::readBlocks(std::uint32_t lane) const noexcept {
  const Word reclaimed = memory_.lane(lane, lane::kReclaimed).load(memory_order_relaxed);
  const Word head = memory_.lane(lane, lane::kHead).load(memory_order_relaxed);
  const auto items = static_cast<std::int32_t>(head - reclaimed);
  return items <= 0 ? 0 : static_cast<std::uint32_t>(items) >> memory_.geometry().blockShift;
}

std::int32_t BlockPool::takeUnused() noexcept {
  // (Q10) Relaxed: the number is all that is passed on; nobody has used the block before.
  const auto unused = memory_.header(header::kFirstUnused);
  Word next = unused.load(memory_order_relaxed);
  while (next < memory_.blocks()) {
    if (unused.compare_exchange_weak(next, next + 1, memory_order_relaxed))
      return static_cast<std::int32_t>(next);
  }
  return kNone;
}

} // namespace fairlead
