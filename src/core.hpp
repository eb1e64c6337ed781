// The hot path of a balancer over shared memory: what lib/engine/atomics/core.ts does, in C++.
#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include "choice.hpp"
#include "cycle_clock.hpp"
#include "decay.hpp"
#include "memory.hpp"
#include "random.hpp"

namespace fairlead {

/// One thread's access to the block. Its methods are called by that thread only, never block and never fail; other
/// threads work on the same block through cores of their own. Takes no ownership of the memory: whoever creates a core
/// keeps the block alive for as long as the core is used.
///
/// Every slot given to a method is below `slotCount()`, every service below `serviceCount()`: callers check.
class Core {
 public:
  /// `root` is the formatted root segment, 8-byte aligned; `thread` the record that the calling thread has claimed.
  Core(Word* root, std::uint32_t thread) noexcept;

  /// Adds the next segment of slots. `contributions` holds the columns of all threads.
  void addSegment(Word* cells, Word* contributions, Word* histograms);
  /// Adds the next segment of service records.
  void addServices(Word* words) { services_.push_back(words); }
  /// Forgets the segments: `slotCount()` and `serviceCount()` are 0 afterwards.
  void removeSegments() noexcept {
    segments_.clear();
    services_.clear();
  }

  std::uint32_t thread() const noexcept { return thread_; }
  const void* root() const noexcept { return root_; }
  std::uint32_t segmentCount() const noexcept { return static_cast<std::uint32_t>(segments_.size()); }
  std::uint32_t slotCount() const noexcept { return segmentCount() << layout::sizes::kSegmentShift; }
  std::uint32_t serviceCount() const noexcept {
    return static_cast<std::uint32_t>(services_.size()) << layout::sizes::kServiceSegmentShift;
  }

  /// First word of a service's record.
  Word* record(std::uint32_t service) const noexcept {
    return services_[service >> layout::sizes::kServiceSegmentShift] +
           std::size_t{service & (layout::sizes::kServiceSegmentRecords - 1)} * layout::service::kWords;
  }

  /// ms on the monotonic clock, or the manual time while CLOCK_MODE says so. Wait-free.
  double now() noexcept;
  /// The next 32 random bits of this thread. Wait-free.
  std::uint32_t random() noexcept { return nextRandom(random_); }

  /// Reserves the slot at a time unless it is at its limit. Lock-free: fails over only when another thread got ahead.
  bool take(std::uint32_t slot, std::int32_t ticks) noexcept;
  /// Gives a reservation back and records how it ended; see `Core.end` in lib/engine/contract.ts. Lock-free.
  void end(std::uint32_t slot, double startedAt, std::uint32_t outcome, double latencyMs) noexcept;
  /// Time of the last `end` or `answer` that was a latency sample, ms.
  double endedAt() const noexcept { return endedAt_; }
  /// The first half of `end`, for a request whose body is still to come: all but giving the reservation back. Lock-free.
  void answer(std::uint32_t slot, double startedAt, std::uint32_t outcome, double latencyMs) noexcept;
  /// The other half. `broken`: it had succeeded, and counts as failed after all. Wait-free.
  void close(std::uint32_t slot, bool broken) noexcept;
  /// Takes off the shared counts what a thread that has ended had in flight: exact, since no call is cut in two. Only one
  /// thread may do so for a record. Lock-free.
  void reclaim(std::uint32_t thread) noexcept;
  /// The next position of the service's cursor over `n` >= 1 positions, exactly fair over all threads. Lock-free.
  std::uint32_t nextPosition(std::uint32_t service, std::uint32_t n) noexcept;

  /// What an answer of the slot takes, ms: its decayed average or its silence; `ticks` as `ticksOf(now)`. Wait-free.
  double latency(std::uint32_t slot, std::int32_t ticks) const noexcept;
  /// Whether a request leaves slot `a` for slot `b`; see choice.hpp. Wait-free.
  bool leaves(std::uint32_t a, std::uint32_t b, bool byLatency, std::int32_t ticks) const noexcept;
  /// Starts to fetch the memory that a reservation of the slot will touch.
  void prefetch(std::uint32_t slot) const noexcept;

  /// The low 32 bits of a time in ticks of 1/16 ms, as JavaScript's `| 0` takes them.
  static std::int32_t ticksOf(double now) noexcept;

 private:
  static std::size_t segmentOf(std::uint32_t slot) noexcept { return slot >> layout::sizes::kSegmentShift; }
  /// First word of the slot in its segment's cells.
  static std::size_t cellOf(std::uint32_t slot) noexcept {
    return std::size_t{slot & kSlotMask} * layout::slot::kWords;
  }
  /// Word of the slot in this thread's column of contributions.
  static std::size_t ownOf(std::uint32_t slot) noexcept {
    return std::size_t{slot & kSlotMask} * layout::contribution::kWords + layout::contribution::kInFlight;
  }
  /// Totals, latency and silence: what an answer and an end have in common.
  void count(const Segment& segment, std::size_t at, double startedAt, std::uint32_t outcome,
             double latencyMs) noexcept;
  static bool hasPlace(Word* cells, std::size_t at, std::int32_t inFlight, std::int32_t limit) noexcept;
  /// A request was sent; `before` are those in flight before it.
  static void beginSilence(Word* cells, std::size_t at, Word before, std::int32_t ticks) noexcept;
  Candidate candidate(std::uint32_t slot, bool byLatency, std::int32_t ticks) const noexcept;
  /// Where a latency is counted: null where `histogramPlusOne`, the slot's word, names no histogram of this core.
  Word* bucketAt(Word histogramPlusOne, double latencyMs) const noexcept;

  static constexpr std::uint32_t kSlotMask = layout::sizes::kSegmentSlots - 1;

  Word* root_;
  Word* random_;
  std::uint32_t thread_;
  std::vector<Segment> segments_;
  std::vector<Word*> services_;
  CycleClock clock_;
  double endedAt_ = 0;
};

// What a pick reads, inline. Numbers in brackets name the atomic operations; docs/concurrency/counters.md has their partners.

/// A slot's latency word: the average in its high half, its time stamp in ticks in the low one.
inline float averageOf(DoubleWord packed) noexcept {
  return std::bit_cast<float>(static_cast<Word>(packed >> 32));
}
inline Word stampOf(DoubleWord packed) noexcept { return static_cast<Word>(packed); }
/// Ticks from the stamp to `ticks`; negative where another thread's later reading of the clock made the stamp.
inline std::int32_t ticksSince(DoubleWord packed, std::int32_t ticks) noexcept {
  return static_cast<std::int32_t>(static_cast<Word>(ticks) - stampOf(packed));
}
/// The share of an average that is left after so many ticks, more than 0.
inline double weightAfter(std::int32_t ticks, double decayMs) noexcept {
  return expNegative(static_cast<double>(ticks) / layout::sizes::kTicksPerMs / decayMs);
}
inline float floatAt(Word* cells, std::size_t at) noexcept {
  // (C12) A setting of a moment ago will do.
  return std::bit_cast<float>(word(cells, at).load(std::memory_order_relaxed));
}

inline double Core::now() noexcept {
  using namespace layout;
  // (C1) Acquire, with (S4): who sees the manual mode sees the manual time that was written before it.
  if (word(root_, header::kClockMode).load(std::memory_order_acquire) == 0) return clock_.now();
  // (C2) Relaxed, with (S4): one word that says it all.
  return std::bit_cast<double>(doubleWord(root_, header::kManualNow).load(std::memory_order_relaxed));
}

inline double Core::latency(std::uint32_t slot, std::int32_t ticks) const noexcept {
  using std::memory_order_relaxed;
  Word* cells = segments_[segmentOf(slot)].cells;
  const std::size_t at = cellOf(slot);
  // (C8) Value and stamp are one word.
  const DoubleWord seen = doubleWord(cells, at + layout::slot::kLatency).load(memory_order_relaxed);
  const double average = averageOf(seen);
  const std::int32_t elapsed = ticksSince(seen, ticks);
  const double left =
      elapsed > 0 ? average * weightAfter(elapsed, floatAt(cells, at + layout::slot::kDecayMs)) : average;
  // (C16) One word that says it all.
  const Word since = word(cells, at + layout::slot::kSilentSince).load(memory_order_relaxed);
  if (since == 0) return left;
  // (C5) A guess: good enough for a choice.
  const Word inFlight = word(cells, at + layout::slot::kInFlight).load(memory_order_relaxed);
  const Word open = word(cells, at + layout::slot::kOpen).load(memory_order_relaxed); // (C15) a guess as well
  if (static_cast<std::int32_t>(inFlight - open) <= 0) return left;
  const double silent = static_cast<double>(static_cast<std::int32_t>(static_cast<Word>(ticks) - since)) /
                        layout::sizes::kTicksPerMs;
  return silent > left ? silent : left;
}

inline Candidate Core::candidate(std::uint32_t slot, bool byLatency, std::int32_t ticks) const noexcept {
  Word* cells = segments_[segmentOf(slot)].cells;
  const std::size_t at = cellOf(slot);
  // (C5) A guess: good enough for a choice.
  const Word inFlight = word(cells, at + layout::slot::kInFlight).load(std::memory_order_relaxed);
  return {byLatency ? latency(slot, ticks) : 1, static_cast<double>(static_cast<std::int32_t>(inFlight)),
          floatAt(cells, at + layout::slot::kWeight)};
}

inline bool Core::leaves(std::uint32_t a, std::uint32_t b, bool byLatency,
                         std::int32_t ticks) const noexcept {
  return leavesFirst(candidate(a, byLatency, ticks), candidate(b, byLatency, ticks));
}

inline void Core::prefetch(std::uint32_t slot) const noexcept {
  const Segment& segment = segments_[segmentOf(slot)];
  __builtin_prefetch(segment.cells + cellOf(slot), 1);
  __builtin_prefetch(segment.column + ownOf(slot), 1);
}

inline std::int32_t Core::ticksOf(double now) noexcept {
  constexpr double kTwoTo32 = 4294967296.0;
  constexpr double kTwoTo62 = kTwoTo32 * (1 << 30);
  const double ticks = now * layout::sizes::kTicksPerMs;
  if (ticks > -kTwoTo62 && ticks < kTwoTo62)
    return static_cast<std::int32_t>(static_cast<std::int64_t>(ticks));
  if (!std::isfinite(ticks)) return 0;
  return static_cast<std::int32_t>(static_cast<std::int64_t>(std::fmod(std::trunc(ticks), kTwoTo32)));
}

} // namespace fairlead
