// A ticket queue's shared memory as C++ sees it. lib/queue/layout.ts explains the fields, lib/queue/memory.ts makes it.
#pragma once

#include <atomic>
#include <cstdint>

#include "memory.hpp"
#include "ticket_queue_layout.hpp"

namespace fairlead {

using BlockIndex = std::uint16_t;

static_assert(std::atomic_ref<BlockIndex>::is_always_lock_free);
static_assert(queue_layout::header::kClosed % 16 == 0 && queue_layout::header::kReserved % 16 == 0 &&
                  queue_layout::header::kPopped % 16 == 0 && queue_layout::header::kFirstUnused % 16 == 0 &&
                  queue_layout::lane::kHead % 16 == 0 && queue_layout::lane::kTail % 16 == 0 &&
                  queue_layout::lane::kCredit % 16 == 0 && queue_layout::lane::kWords % 16 == 0,
              "what different threads write lies on different cache lines");
static_assert(queue_layout::lane::kRefused % 2 == 0 && queue_layout::lane::kProbeTime % 2 == 0,
              "two-word fields are 8-byte aligned");
static_assert(queue_layout::sizes::kTimeBuckets == layout::sizes::kHistogramBuckets,
              "buckets as bucketOf counts them");

constexpr std::uint32_t blockShiftOf(std::uint32_t capacity) {
  return capacity >= 4096 ? 8 : capacity >= 256 ? 6 : 4;
}
constexpr std::uint32_t blocksOf(std::uint32_t capacity) {
  const std::uint32_t shift = blockShiftOf(capacity);
  return ((capacity + (1u << shift) - 1) >> shift) +
         queue_layout::sizes::kLanes * queue_layout::sizes::kSpareBlocks;
}

/// Boost's fixed-size free lists address their nodes with 16 bits, two values of which are taken.
inline constexpr std::uint32_t kMostBoostNodes = 65534;
static_assert(blocksOf(queue_layout::sizes::kMaxCapacity) < kMostBoostNodes);

/// Addresses within the memory. A value: copied freely, owns nothing. Lanes and blocks are not checked here.
class TicketQueueMemory {
 public:
  /// `base` is formatted memory of `words(capacity)` words.
  explicit TicketQueueMemory(Word* base) noexcept
      : base_(base),
        capacity_(base[queue_layout::header::kCapacity]),
        blockShift_(blockShiftOf(capacity_)),
        directoryShift_(directoryShiftOf(capacity_)),
        directory_(reinterpret_cast<BlockIndex*>(base + kDirectoryWord)),
        items_(base + itemsWordOf(capacity_)) {}

  static constexpr std::size_t words(std::uint32_t capacity) {
    return itemsWordOf(capacity) + (std::size_t{blocksOf(capacity)} << blockShiftOf(capacity));
  }

  Word* base() const noexcept { return base_; }
  std::uint32_t capacity() const noexcept { return capacity_; }
  std::uint32_t blocks() const noexcept { return blocksOf(capacity_); }
  std::uint32_t blockShift() const noexcept { return blockShift_; }
  std::uint32_t blockMask() const noexcept { return (1u << blockShift_) - 1; }

  std::atomic_ref<Word> header(std::size_t field) const noexcept { return word(base_, field); }
  std::atomic_ref<Word> lane(std::uint32_t lane, std::size_t field) const noexcept {
    return word(plainLane(lane), field);
  }
  std::atomic_ref<double> probeTime(std::uint32_t lane) const noexcept {
    return std::atomic_ref<double>(
        *reinterpret_cast<double*>(plainLane(lane) + queue_layout::lane::kProbeTime));
  }
  /// For the fields that only the lane's owner touches.
  Word& own(std::uint32_t lane, std::size_t field) const noexcept { return plainLane(lane)[field]; }

  /// The block that holds a position of a lane.
  std::atomic_ref<BlockIndex> directory(std::uint32_t lane, Word position) const noexcept {
    const Word entry = (position >> blockShift_) & ((1u << directoryShift_) - 1);
    return std::atomic_ref<BlockIndex>(directory_[(std::size_t{lane} << directoryShift_) + entry]);
  }
  Word* block(std::uint32_t index) const noexcept { return items_ + (std::size_t{index} << blockShift_); }

 private:
  static constexpr std::size_t kDirectoryWord =
      queue_layout::header::kWords + std::size_t{queue_layout::sizes::kLanes} * queue_layout::lane::kWords +
      std::size_t{queue_layout::sizes::kWaiters} * queue_layout::waiter::kWords;
  static constexpr std::uint32_t directoryShiftOf(std::uint32_t capacity) {
    return static_cast<std::uint32_t>(std::bit_width(blocksOf(capacity) - 1));
  }
  static constexpr std::size_t itemsWordOf(std::uint32_t capacity) {
    return kDirectoryWord + ((std::size_t{queue_layout::sizes::kLanes} << directoryShiftOf(capacity)) >> 1);
  }
  Word* plainLane(std::uint32_t lane) const noexcept {
    return base_ + queue_layout::header::kWords + std::size_t{lane} * queue_layout::lane::kWords;
  }

  Word* base_;
  std::uint32_t capacity_;
  std::uint32_t blockShift_;
  std::uint32_t directoryShift_;
  BlockIndex* directory_;
  Word* items_;
};

} // namespace fairlead
