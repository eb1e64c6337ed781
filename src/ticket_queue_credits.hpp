// Exact capacity shared by all threads; lib/queue/credits.ts explains how, and does the same for the fallback.
#pragma once

#include "ticket_queue_memory.hpp"

namespace fairlead {

/// Any thread may call; `lane` is one that it owns. Lock-free: a retry means that another thread got or gave credit.
class TicketQueueCredits {
 public:
  explicit TicketQueueCredits(const TicketQueueMemory& memory) noexcept : memory_(memory) {}

  /// Accepts up to `count` items (1 to a block) into the lane: how many; 0 when the queue was full during the call.
  std::uint32_t spend(std::uint32_t lane, std::uint32_t count) noexcept;
  /// As `spend`, for a lane without credit; further credit may go into the lane.
  std::uint32_t obtain(std::uint32_t lane, std::uint32_t count) noexcept;
  /// Gives back all that the lane holds, and takes back what it has accepted and not published.
  void giveBack(std::uint32_t lane) noexcept;
  /// Items ever popped, modulo 2^32: not less than when the call began, not more than when it ends.
  Word sumOfHeads() const noexcept;

 private:
  std::uint32_t takeUnused(std::uint32_t own, std::uint32_t count) noexcept;

  TicketQueueMemory memory_;
};

/// The halves of a lane's CREDIT word.
inline constexpr int kAcceptedShift = 16;
inline constexpr std::uint32_t creditsIn(Word credit) { return credit & 0xffff; }
inline constexpr std::uint32_t acceptedIn(Word credit) { return credit >> kAcceptedShift; }
/// Items accepted and not published, given the lane's TAIL: at most a block.
inline constexpr std::uint32_t unpublishedIn(Word credit, Word tail) {
  return (acceptedIn(credit) - tail) & 0xffff;
}

} // namespace fairlead
