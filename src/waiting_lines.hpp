// The lines of requests that wait for a place: tickets, first come, first granted, over all threads.
//
// A wait costs microseconds, so what counts here is the order over all threads, and single tickets go one by one through
// boost::lockfree::queue. Who sets a ticket up, and what a grant means, is lib/admission's matter. Numbers in brackets are
// those of docs/concurrency/admission.md.
#pragma once

#include <array>
#include <atomic>
#include <boost/lockfree/queue.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "memory.hpp"

namespace fairlead {

/// One tier of one service.
class WaitingLine {
 public:
  static constexpr std::int32_t kNone = -1;

  /// Throws std::bad_alloc.
  WaitingLine() : first_(kFirstNodes) {}
  ~WaitingLine() { delete rest_.load(std::memory_order_relaxed); }
  WaitingLine(const WaitingLine&) = delete;
  WaitingLine& operator=(const WaitingLine&) = delete;

  /// False where the line is full. Lock-free, but for the one push that finds the first queue full.
  bool push(std::uint32_t ticket) noexcept;
  /// The ticket that came first, or kNone. Lock-free.
  std::int32_t pop() noexcept;
  /// Tickets in the line, about.
  std::uint32_t length() const noexcept { return length_.load(std::memory_order_relaxed); }

 private:
  using Queue = boost::lockfree::queue<std::uint32_t, boost::lockfree::fixed_sized<true>>;
  /// Twice the default `queue.limit`; a node takes a cache line.
  static constexpr std::size_t kFirstNodes = 2048;
  /// The most that a queue of fixed size holds.
  static constexpr std::size_t kRestNodes = 65534;

  Queue first_;
  /// Takes everything from the first push on that found no room; 4 MiB that most lines never need.
  std::atomic<Queue*> rest_{nullptr};
  std::mutex growing_;
  std::atomic<std::uint32_t> length_{0};
};

/// All lines of one balancer, which its threads share. They live as long as one of them has them.
class WaitingLineTable {
 public:
  /// Those of the balancer whose root segment that is.
  static std::shared_ptr<WaitingLineTable> of(const void* root);
  /// Takes a lock; a caller asks once for each line. Throws std::bad_alloc.
  WaitingLine& line(std::uint32_t service, std::uint32_t tier);

 private:
  std::mutex mutex_;
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::unique_ptr<WaitingLine>> lines_;
};

/// What came of a grant.
struct Grant {
  static constexpr std::int32_t kNone = -1;
  std::int32_t ticket = kNone;
  /// Token of the thread that the ticket belongs to.
  Word owner = 0;
};

/// One thread's access to the lines. Tickets are below `sizes::kTicketBits` bits: callers check, as with services and tiers.
class WaitingLines {
 public:
  /// Over memory that outlives this object.
  WaitingLines(const void* root, Word* tickets) : table_(WaitingLineTable::of(root)), tickets_(tickets) {}

  /// Puts an own ticket, which is in no line, at the end of one. False where the line is full; then nothing has changed.
  bool join(std::uint32_t service, std::uint32_t tier, std::uint32_t ticket);
  /// Grants the first one that waits, and is not too late, a place. `record`: the service's.
  Grant grantNext(std::uint32_t service, Word* record, std::int32_t ticks);
  std::uint32_t length(std::uint32_t service, std::uint32_t tier) { return line(service, tier).length(); }

 private:
  Word* at(std::uint32_t ticket) const noexcept {
    return tickets_ + std::size_t{ticket} * layout::ticket::kWords;
  }
  WaitingLine& line(std::uint32_t service, std::uint32_t tier);
  /// Whether the ticket, which has left the line, was granted a place.
  bool grant(Word* ticket, Word* record, std::int32_t ticks) noexcept;

  std::shared_ptr<WaitingLineTable> table_;
  Word* tickets_;
  /// By `service * kTiers + tier`.
  std::unordered_map<std::uint32_t, WaitingLine*> lines_;
};

} // namespace fairlead
