// The bytes of a queue of requests. Its items, in the blocks of a TicketQueue, are lengths; each has a slot of bytes.
#pragma once

#include "ticket_queue_memory.hpp"

namespace fairlead {

/// Addresses of lengths and slots. A value: copied freely, owns nothing. Slots are not checked here.
class RequestSlab {
 public:
  /// `memory` is that of a queue of requests.
  explicit RequestSlab(const TicketQueueMemory& memory) noexcept
      : geometry_(memory.geometry()),
        lengths_(memory.base() + geometry_.itemsWord()),
        slots_(memory.base() + geometry_.slabWord()) {}

  const QueueGeometry& geometry() const noexcept { return geometry_; }
  /// Bytes of the request in a slot; never more than the slot has, whatever is written there.
  std::uint32_t length(std::size_t slot) const noexcept;
  /// For a producer, and a slot that nobody reads yet.
  void setLength(std::size_t slot, std::uint32_t bytes) const noexcept;
  /// The bytes of a slot, eight at a time.
  DoubleWord* bytes(std::size_t slot) const noexcept {
    return reinterpret_cast<DoubleWord*>(slots_) + slot * (geometry_.slotStride() / sizeof(DoubleWord));
  }

 private:
  QueueGeometry geometry_;
  Word* lengths_;
  Word* slots_;
};

/// Where requests are copied to as they are popped: one behind the other, each from a multiple of 8 bytes on.
class RequestSink {
 public:
  /// Room for `room` bytes, and for `most` lengths.
  RequestSink(const RequestSlab& slab, DoubleWord* out, std::size_t room, Word* lengths,
              std::uint32_t most) noexcept
      : slab_(slab), out_(out), room_(room / sizeof(DoubleWord)), lengths_(lengths), most_(most) {}

  /// Requests that may still be copied.
  std::uint32_t wanted() const noexcept { return isFull_ ? 0 : most_ - taken_; }
  /// Copies up to `count` requests, 1 to a block, which lie in neighbouring slots; returns how many there was room for.
  /// Then either `take` or `drop` is called.
  std::uint32_t copy(BlockIndex block, Word offset, std::uint32_t count) noexcept;
  /// All that was copied was popped.
  void take() noexcept;
  /// Another thread was quicker: the copy is void.
  void drop() noexcept { isFull_ = false; }
  /// Whether there was another request, too long for the room that was left: of `needed` bytes.
  bool isFull() const noexcept { return isFull_; }
  std::uint32_t needed() const noexcept { return needed_; }
  std::uint32_t taken() const noexcept { return taken_; }

 private:
  RequestSlab slab_;
  DoubleWord* out_;
  /// In double words.
  std::size_t room_;
  Word* lengths_;
  std::uint32_t most_;
  std::uint32_t taken_ = 0;
  /// Of the last copy.
  std::uint32_t copied_ = 0;
  std::size_t copiedWords_ = 0;
  bool isFull_ = false;
  std::uint32_t needed_ = 0;
};

} // namespace fairlead
