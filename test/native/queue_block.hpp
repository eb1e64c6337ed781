// Formatted memory of a queue, as lib/queue/memory.ts makes it; of its size to the word, so that AddressSanitizer sees an
// overrun.
#pragma once

#include "check.hpp"
#include "ticket_queue_geometry.hpp"

namespace fairlead::test {

class QueueBlock {
 public:
  /// `slotBytes` 0: of tickets.
  explicit QueueBlock(Word capacity, Word blockShift, Word slotBytes = 0)
      : memory_(evenly(geometryOf(capacity, blockShift, slotBytes).words())) {
    using namespace queue_layout;
    const QueueGeometry geometry = geometryOf(capacity, blockShift, slotBytes);
    Word* const words = data();
    words[header::kCapacity] = capacity;
    words[header::kSlotBytes] = slotBytes;
    words[header::kBlockShift] = blockShift;
    words[header::kBlocks] = geometry.blocks;
    words[header::kDirectoryShift] = geometry.directoryShift;
    CHECK(QueueGeometry::of(words).isSound());
  }

  Word* data() const { return memory_.data(); }

 private:
  static std::size_t evenly(std::size_t words) { return (words + 1) & ~std::size_t{1}; }
  static QueueGeometry geometryOf(Word capacity, Word blockShift, Word slotBytes) {
    using namespace queue_layout::sizes;
    const Word blocks = ((capacity + (1u << blockShift) - 1) >> blockShift) + kLanes * kSpareBlocks +
                        (slotBytes == 0 ? 0 : kHolders);
    return {capacity, slotBytes, blockShift, blocks, static_cast<Word>(std::bit_width(blocks - 1))};
  }

  Memory memory_;
};

/// The block of a queue of tickets, with blocks of the size that lib/queue/layout.ts gives it.
inline QueueBlock ticketBlock(Word capacity) {
  return QueueBlock(capacity, capacity >= 4096 ? 8 : capacity >= 256 ? 6 : 4);
}

} // namespace fairlead::test
