// A ticket queue's shared memory as C++ sees it. lib/queue/layout.ts explains the fields, lib/queue/memory.ts makes it.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "ticket_queue_geometry.hpp"

namespace fairlead {

using BlockIndex = std::uint16_t;

static_assert(std::atomic_ref<BlockIndex>::is_always_lock_free);
static_assert(queue_layout::header::kClosed % 16 == 0 && queue_layout::header::kReserved % 16 == 0 &&
                  queue_layout::header::kPopped % 16 == 0 && queue_layout::header::kFirstUnused % 16 == 0 &&
                  queue_layout::lane::kHead % 16 == 0 && queue_layout::lane::kTail % 16 == 0 &&
                  queue_layout::lane::kCredit % 16 == 0 && queue_layout::lane::kReclaimed % 16 == 0 &&
                  queue_layout::lane::kWords % 16 == 0 && queue_layout::holder::kWords % 16 == 0,
              "what different threads write lies on different cache lines");
static_assert(queue_layout::lane::kRefused % 2 == 0 && queue_layout::lane::kProbeTime % 2 == 0,
              "two-word fields are 8-byte aligned");
static_assert(queue_layout::sizes::kTimeBuckets == layout::sizes::kHistogramBuckets,
              "buckets as bucketOf counts them");

/// Addresses within the memory. A value: copied freely, owns nothing.
///
/// Whoever has the handle can write to the memory, so no number that is read from it becomes part of an address unbounded:
/// the geometry is read once, and the methods that read the number of a lane, a holder or a block bound it. Numbers that
/// callers give are not checked here.
class TicketQueueMemory {
 public:
  /// `base` is formatted memory of a sound geometry.
  explicit TicketQueueMemory(Word* base) noexcept : TicketQueueMemory(base, QueueGeometry::of(base)) {}
  TicketQueueMemory(Word* base, const QueueGeometry& geometry) noexcept
      : base_(base),
        geometry_(geometry),
        directory_(reinterpret_cast<BlockIndex*>(base + geometry_.directoryWord())),
        items_(base + geometry_.itemsWord()) {}

  Word* base() const noexcept { return base_; }
  const QueueGeometry& geometry() const noexcept { return geometry_; }
  std::uint32_t capacity() const noexcept { return geometry_.capacity; }
  std::uint32_t blocks() const noexcept { return geometry_.blocks; }
  std::uint32_t blockMask() const noexcept { return (1u << geometry_.blockShift) - 1; }

  std::atomic_ref<Word> header(std::size_t field) const noexcept { return word(base_, field); }
  std::atomic_ref<Word> lane(std::uint32_t lane, std::size_t field) const noexcept {
    return word(plainLane(lane), field);
  }
  /// In a queue of requests.
  std::atomic_ref<Word> holder(std::uint32_t holder, std::size_t field) const noexcept {
    return word(base_ + QueueGeometry::kHolderWord + std::size_t{holder} * queue_layout::holder::kWords,
                field);
  }
  std::atomic_ref<double> probeTime(std::uint32_t lane) const noexcept {
    return std::atomic_ref<double>(
        *reinterpret_cast<double*>(plainLane(lane) + queue_layout::lane::kProbeTime));
  }
  /// For the fields that only the lane's owner touches.
  Word& own(std::uint32_t lane, std::size_t field) const noexcept { return plainLane(lane)[field]; }

  /// LANES_USED, at most as many as there are.
  std::uint32_t lanesUsed(std::memory_order order) const noexcept {
    return std::min<Word>(header(queue_layout::header::kLanesUsed).load(order), queue_layout::sizes::kLanes);
  }
  /// HOLDERS_USED, at most as many as there are.
  std::uint32_t holdersUsed() const noexcept {
    // (Q17) A holder that matters is seen with HEAD.
    return std::min<Word>(header(queue_layout::header::kHoldersUsed).load(std::memory_order_relaxed),
                          queue_layout::sizes::kHolders);
  }
  /// FIRST_UNUSED, at most as many as there are.
  std::uint32_t blocksUsed() const noexcept {
    return std::min(header(queue_layout::header::kFirstUnused).load(std::memory_order_acquire), blocks());
  }

  /// The block that holds a position of a lane. Relaxed: TAIL or RECLAIMED vouches for the entry.
  BlockIndex blockAt(std::uint32_t lane, Word position) const noexcept {
    return existing(entry(lane, position).load(std::memory_order_relaxed));
  }
  /// For the lane's owner. Relaxed: TAIL publishes the entry.
  void setBlockAt(std::uint32_t lane, Word position, BlockIndex block) const noexcept {
    entry(lane, position).store(block, std::memory_order_relaxed);
  }
  /// For the lane's owner: the block that takes its next items.
  BlockIndex ownBlock(std::uint32_t lane) const noexcept {
    return existing(own(lane, queue_layout::lane::kBlock));
  }
  /// Entries of a lane's directory: no lane has more blocks.
  std::uint32_t directoryEntries() const noexcept { return 1u << geometry_.directoryShift; }

  /// Tickets.
  Word* block(std::uint32_t index) const noexcept {
    return items_ + (std::size_t{index} << geometry_.blockShift);
  }

 private:
  std::atomic_ref<BlockIndex> entry(std::uint32_t lane, Word position) const noexcept {
    const Word at = (position >> geometry_.blockShift) & (directoryEntries() - 1);
    return std::atomic_ref<BlockIndex>(directory_[(std::size_t{lane} << geometry_.directoryShift) + at]);
  }
  /// A block that there is, whatever number was read.
  BlockIndex existing(Word block) const noexcept {
    return static_cast<BlockIndex>(std::min(block, geometry_.blocks - 1));
  }
  Word* plainLane(std::uint32_t lane) const noexcept {
    return base_ + queue_layout::header::kWords + std::size_t{lane} * queue_layout::lane::kWords;
  }

  Word* base_;
  QueueGeometry geometry_;
  BlockIndex* directory_;
  Word* items_;
};

} // namespace fairlead
