#include "ticket_queue_credits.hpp"

#include <algorithm>

// Numbers in brackets name the atomic operations; docs/concurrency/queues.md lists them with their partners.

namespace fairlead {

using namespace queue_layout;
using std::memory_order_acq_rel;
using std::memory_order_acquire;
using std::memory_order_relaxed;
using std::memory_order_seq_cst;

std::uint32_t TicketQueueCredits::spend(std::uint32_t lane, std::uint32_t count) noexcept {
  const auto word = memory_.lane(lane, lane::kCredit);
  Word credit = word.load(memory_order_relaxed); // (Q6) a guess, which the exchange checks
  for (;;) {
    const std::uint32_t spent = std::min(creditsIn(credit), count);
    if (spent == 0) return obtain(lane, count);
    if (word.compare_exchange_weak(credit, credit + (spent << kAcceptedShift) - spent, memory_order_relaxed))
      return spent; // (Q6) a credit is spent once
  }
}

std::uint32_t TicketQueueCredits::obtain(std::uint32_t lane, std::uint32_t count) noexcept {
  const auto reservedWord = memory_.header(header::kReserved);
  const auto poppedWord = memory_.header(header::kPopped);
  // Unsigned, so that it wraps whatever the two are.
  const auto stock = [capacity = memory_.capacity()](Word reserved, Word popped) {
    return static_cast<std::int32_t>(capacity - (reserved - popped));
  };
  for (;;) {
    // Sequentially consistent throughout: that a queue was full is concluded from several words together.
    Word reserved = reservedWord.load(memory_order_seq_cst); // (Q7) credits out of the stock
    Word popped = poppedWord.load(memory_order_seq_cst);     // (Q8) a lower bound of what was popped
    std::int32_t free = stock(reserved, popped);
    if (free <= 0) {
      popped = sumOfHeads();
      poppedWord.store(popped, memory_order_seq_cst); // (Q8) an older one only makes others look again
      free = stock(reserved, popped);
    }
    if (free > 0) {
      const auto left = static_cast<std::uint32_t>(free);
      const std::uint32_t grant = std::min(left, std::max(count, std::min(sizes::kGrant, left >> 3)));
      if (!reservedWord.compare_exchange_strong(reserved, reserved + grant, memory_order_seq_cst))
        continue; // (Q7) never more than the capacity out
      const std::uint32_t used = std::min(count, grant);
      // (Q6) Credits and position in one step.
      memory_.lane(lane, lane::kCredit)
          .fetch_add((used << kAcceptedShift) + grant - used, memory_order_seq_cst);
      return used;
    }
    if (const std::uint32_t taken = takeUnused(lane, count); taken > 0) return taken;
    if (sumOfHeads() == popped && reservedWord.load(memory_order_seq_cst) == reserved) return 0;
  }
}

std::uint32_t TicketQueueCredits::takeUnused(std::uint32_t own, std::uint32_t count) noexcept {
  const Word used = memory_.lanesUsed(memory_order_seq_cst);
  for (Word i = 0; i < used; ++i) {
    const auto word = memory_.lane((own + 1 + i) % used, lane::kCredit);
    Word credit = word.load(memory_order_seq_cst); // (Q6) a guess, which the exchange checks
    while (const std::uint32_t taken = std::min(creditsIn(credit), count)) {
      // (Q6) A credit is spent once.
      if (!word.compare_exchange_weak(credit, credit - taken, memory_order_seq_cst)) continue;
      memory_.lane(own, lane::kCredit).fetch_add(taken << kAcceptedShift, memory_order_seq_cst);
      return taken;
    }
  }
  return 0;
}

void TicketQueueCredits::giveBack(std::uint32_t lane) noexcept {
  const auto word = memory_.lane(lane, lane::kCredit);
  const Word tail = memory_.lane(lane, lane::kTail).load(memory_order_relaxed);
  // (Q6) One exchange takes the credits and the unpublished items together, wherever the owner has stopped.
  const Word credit = word.exchange(tail << kAcceptedShift, memory_order_seq_cst);
  // (Q7) Back to the stock.
  memory_.header(header::kReserved)
      .fetch_sub(creditsIn(credit) + unpublishedIn(credit, tail), memory_order_seq_cst);
}

Word TicketQueueCredits::sumOfHeads() const noexcept {
  const Word used = memory_.lanesUsed(memory_order_seq_cst);
  Word sum = 0;
  for (Word lane = 0; lane < used; ++lane)
    sum += memory_.lane(lane, lane::kHead).load(memory_order_seq_cst); // (Q1) never ahead of what was popped
  return sum - used * memory_.base()[header::kStart];
}

} // namespace fairlead
