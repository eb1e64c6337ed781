// Where things are in a queue's memory: what lib/queue/layout.ts has decided and lib/queue/memory.ts has written down.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include "memory.hpp"
#include "ticket_queue_layout.hpp"

namespace fairlead {

/// Boost's fixed-size free lists address their nodes with 16 bits, two values of which are taken.
inline constexpr std::uint32_t kMostBoostNodes = 65534;
static_assert(queue_layout::sizes::kMaxBlocks <= kMostBoostNodes);

struct QueueGeometry {
  std::uint32_t capacity;
  /// 0 in a queue of tickets.
  std::uint32_t slotBytes;
  std::uint32_t blockShift;
  std::uint32_t blocks;
  std::uint32_t directoryShift;

  /// `base` has the words of the header.
  static QueueGeometry of(const Word* base) noexcept {
    using namespace queue_layout;
    return {base[header::kCapacity], base[header::kSlotBytes], base[header::kBlockShift],
            base[header::kBlocks], base[header::kDirectoryShift]};
  }

  /// Whether addresses that are made of these numbers lie within words() words.
  constexpr bool isSound() const noexcept {
    using namespace queue_layout;
    return capacity > 0 && capacity <= sizes::kMaxCapacity && slotBytes <= sizes::kMaxSlotBytes &&
           blockShift <= kMostBlockShift && blocks > 1 && blocks <= sizes::kMaxBlocks &&
           (std::uint64_t{blocks} << blockShift) >= capacity &&
           directoryShift == static_cast<std::uint32_t>(std::bit_width(blocks - 1));
  }

  constexpr std::size_t items() const noexcept { return std::size_t{blocks} << blockShift; }
  /// Bytes of an entry of the items: a ticket, or the length of a request.
  constexpr std::size_t itemBytes() const noexcept { return slotBytes == 0 || slotBytes > 0xffff ? 4 : 2; }
  /// Bytes from one slot to the next, a multiple of 8.
  constexpr std::size_t slotStride() const noexcept { return (std::size_t{slotBytes} + 7) & ~std::size_t{7}; }
  constexpr std::size_t itemsWord() const noexcept {
    using namespace queue_layout;
    return kHolderWord + (slotBytes == 0 ? 0 : std::size_t{sizes::kHolders} * holder::kWords);
  }
  /// Where the slots begin: on a cache line, where the items end.
  constexpr std::size_t slabWord() const noexcept {
    const std::size_t words = items() * itemBytes() / sizeof(Word);
    return itemsWord() + (slotBytes == 0 ? words : (words + 15) & ~std::size_t{15});
  }
  constexpr std::size_t directoryWord() const noexcept {
    return slabWord() + items() * slotStride() / sizeof(Word);
  }
  constexpr std::size_t words() const noexcept {
    return directoryWord() + ((std::size_t{queue_layout::sizes::kLanes} << directoryShift) >> 1);
  }

  /// The first holder, in a queue of requests.
  static constexpr std::size_t kHolderWord =
      queue_layout::header::kWords + std::size_t{queue_layout::sizes::kLanes} * queue_layout::lane::kWords +
      std::size_t{queue_layout::sizes::kWaiters} * queue_layout::waiter::kWords;
  /// So that what is accepted and not published is less than half of the 16 bits that CREDIT has for it.
  static constexpr std::uint32_t kMostBlockShift = 8;
};

} // namespace fairlead
