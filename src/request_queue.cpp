#include "request_queue.hpp"

#include <algorithm>

// Numbers in brackets name the atomic operations; docs/concurrency/queues.md lists them with their partners.

namespace fairlead {

using std::memory_order_relaxed;

std::uint32_t RequestSlab::length(std::size_t slot) const noexcept {
  // (Q4) Relaxed words: a copy that comes too late is thrown away.
  const std::uint32_t bytes =
      geometry_.itemBytes() == 2
          ? std::atomic_ref<std::uint16_t>(reinterpret_cast<std::uint16_t*>(lengths_)[slot])
                .load(memory_order_relaxed)
          : word(lengths_, slot).load(memory_order_relaxed);
  return std::min(bytes, geometry_.slotBytes);
}

void RequestSlab::setLength(std::size_t slot, std::uint32_t bytes) const noexcept {
  // (Q4) Relaxed words: TAIL publishes them.
  if (geometry_.itemBytes() == 2) {
    std::atomic_ref<std::uint16_t>(reinterpret_cast<std::uint16_t*>(lengths_)[slot])
        .store(static_cast<std::uint16_t>(bytes), memory_order_relaxed);
  } else {
    word(lengths_, slot).store(bytes, memory_order_relaxed);
  }
}

std::uint32_t RequestSink::copy(BlockIndex block, Word offset, std::uint32_t count) noexcept {
  const std::size_t first = (std::size_t{block} << slab_.geometry().blockShift) + offset;
  copied_ = 0;
  copiedWords_ = 0;
  for (; copied_ < count; ++copied_) {
    const std::uint32_t bytes = slab_.length(first + copied_);
    const std::size_t words = (bytes + sizeof(DoubleWord) - 1) / sizeof(DoubleWord);
    if (words > room_ - copiedWords_) {
      isFull_ = true;
      needed_ = bytes;
      break;
    }
    DoubleWord* const from = slab_.bytes(first + copied_);
    DoubleWord* const to = out_ + copiedWords_;
    // (Q4) As the items of a TicketQueue: a copy that comes too late is torn, and thrown away.
    for (std::size_t i = 0; i < words; ++i)
      to[i] = std::atomic_ref<DoubleWord>(from[i]).load(memory_order_relaxed);
    lengths_[taken_ + copied_] = bytes;
    copiedWords_ += words;
  }
  return copied_;
}

void RequestSink::take() noexcept {
  out_ += copiedWords_;
  room_ -= copiedWords_;
  taken_ += copied_;
}

} // namespace fairlead
