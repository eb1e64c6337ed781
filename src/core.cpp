#include "core.hpp"

#include "histogram.hpp"

// Numbers in brackets name the atomic operations; docs/concurrency/counters.md lists them with their partners.

namespace fairlead {

using namespace layout;
using std::memory_order_acq_rel;
using std::memory_order_acquire;
using std::memory_order_relaxed;
using std::memory_order_release;

namespace {

DoubleWord packed(double average, std::int32_t ticks) {
  return DoubleWord{std::bit_cast<Word>(static_cast<float>(average))} << 32 | static_cast<Word>(ticks);
}

/// 0 for NaN and anything below.
double clampLatency(double ms) {
  if (!(ms > 0)) return 0;
  return ms > sizes::kMaxLatencyMs ? sizes::kMaxLatencyMs : ms;
}

struct Sample {
  double latencyMs;
  std::int32_t ticks;
  double decayMs;
  /// What the average jumps up to: the lower of this latency and the last one, so that one hiccup is no peak; -1: never.
  double peakMs;
  /// Of a request that was not answered well: it may raise the average, never lower it.
  bool raiseOnly;
};

/// The latency word after one more sample: value and time stamp in one. `seen` where the sample says nothing.
DoubleWord averaged(DoubleWord seen, const Sample& sample) {
  const double before = averageOf(seen);
  double next = sample.latencyMs;
  if (before > 0 && sample.peakMs > before) {
    next = sample.peakMs;
  } else if (before > 0) {
    const std::int32_t elapsed = ticksSince(seen, sample.ticks);
    const double weight = elapsed > 0 ? weightAfter(elapsed, sample.decayMs) : 1;
    const double left = before * weight;
    if (sample.raiseOnly && !(sample.latencyMs > left)) return seen;
    next = left + sample.latencyMs * (1 - weight);
  }
  return packed(next, sample.ticks);
}

/// Adds to a word that only this thread writes: no read-modify-write is needed. Other threads read it.
void addToOwn(Word* column, std::size_t at, Word delta) {
  const auto own = word(column, at);
  own.store(own.load(memory_order_relaxed) + delta, memory_order_relaxed);
}

} // namespace

Core::Core(Word* root, std::uint32_t thread) noexcept
    : root_(root),
      random_(root + header::kWords + std::size_t{thread} * thread::kWords + thread::kRandom),
      thread_(thread) {}

void Core::addSegment(Word* cells, Word* contributions, Word* histograms) {
  segments_.push_back({cells, contributions + thread_ * kColumnWords, contributions, histograms});
}

void Core::beginSilence(Word* cells, std::size_t at, Word before, std::int32_t ticks) noexcept {
  const auto since = word(cells, at + slot::kSilentSince);
  // (C15) A guess: good enough to begin a silence.
  const Word open = word(cells, at + slot::kOpen).load(memory_order_relaxed);
  // (C16) Relaxed, with itself and (C16) of an answer in other threads: each word says it all.
  if (since.load(memory_order_relaxed) == 0 || static_cast<std::int32_t>(before - open) <= 0)
    since.store(static_cast<Word>(ticks) | 1, memory_order_relaxed);
}

/// Whether a slot with this many requests in flight takes one more: `lib/engine/limit.ts` is the same.
bool Core::hasPlace(Word* cells, std::size_t at, std::int32_t inFlight, std::int32_t limit) noexcept {
  if (limit > 0) return inFlight < limit;
  // (C12) A setting of a moment ago will do.
  const auto most = static_cast<std::int32_t>(word(cells, at + slot::kMost).load(memory_order_relaxed));
  // (C15) A guess: of what was found out one more does no harm, while MOST holds exactly.
  const auto open = static_cast<std::int32_t>(word(cells, at + slot::kOpen).load(memory_order_relaxed));
  return inFlight - open < -limit && (most == 0 || inFlight < most);
}

bool Core::take(std::uint32_t slot, std::int32_t ticks) noexcept {
  const Segment& segment = segments_[segmentOf(slot)];
  const std::size_t at = cellOf(slot);
  const std::size_t own = ownOf(slot);
  const auto inFlight = word(segment.cells, at + slot::kInFlight);
  const auto limit =
      // (C12) A limit of a moment ago will do.
      static_cast<std::int32_t>(word(segment.cells, at + slot::kLimit).load(memory_order_relaxed));
  if (limit == 0) {
    addToOwn(segment.column, own, 1); // (C3) own word, published by (C4)
    // (C4) Release, with (S1): who sees the reservation in the count sees it in the contribution.
    beginSilence(segment.cells, at, inFlight.fetch_add(1, memory_order_release), ticks);
    return true;
  }
  Word seen = inFlight.load(memory_order_relaxed); // (C5) a guess, which the exchange checks
  while (hasPlace(segment.cells, at, static_cast<std::int32_t>(seen), limit)) {
    addToOwn(segment.column, own, 1); // (C3) own word, published by (C4)
    // (C4) as above. On failure nothing was published, and `seen` is the newer guess.
    if (inFlight.compare_exchange_strong(seen, seen + 1, memory_order_release, memory_order_relaxed)) {
      beginSilence(segment.cells, at, seen, ticks);
      return true;
    }
    addToOwn(segment.column, own, static_cast<Word>(-1)); // (C3) not reserved
  }
  return false;
}

// Everything that can be known beforehand is worked out before the first locked operation, since each of those waits
// for all that went before it and holds up all loads that come after.
void Core::count(const Segment& segment, std::size_t at, double startedAt, std::uint32_t outcome,
                 double latencyMs) noexcept {
  const bool sampled = !(latencyMs < 0);
  Sample sample{};
  Word* bucket = nullptr;
  DoubleWord seen = 0;
  DoubleWord next = 0;
  if (sampled) {
    // (C12) A setting of a moment ago will do.
    const Word histogram = word(segment.cells, at + slot::kHistogram).load(memory_order_relaxed);
    seen = doubleWord(segment.cells, at + slot::kLatency)
               .load(memory_order_relaxed); // (C8) a guess, which (C9) checks
    // The histogram's cache line is the one that is seldom at hand: called for before the clock is read, where the
    // average says that the sample will be, and again when the sample is known.
    __builtin_prefetch(bucketAt(histogram, averageOf(seen)), 1);
    const double now = this->now();
    endedAt_ = now;
    sample.latencyMs = clampLatency(std::isnan(latencyMs) ? now - startedAt : latencyMs);
    sample.ticks = ticksOf(now);
    sample.decayMs = floatAt(segment.cells, at + slot::kDecayMs);
    sample.raiseOnly = outcome != outcome::kSucceeded;
    sample.peakMs = -1;
    // (C17) Relaxed, with itself in other threads: whichever sample was last will do.
    const auto last = word(segment.cells, at + slot::kLastLatency);
    if ((word(segment.cells, at + slot::kFlags).load(memory_order_relaxed) & slot_flags::kPeak) !=
        0) { // (C12) a setting of a moment ago will do
      const double lastMs = std::bit_cast<float>(last.load(memory_order_relaxed));
      sample.peakMs = sample.raiseOnly || sample.latencyMs < lastMs ? sample.latencyMs : lastMs;
    }
    if (!sample.raiseOnly)
      last.store(std::bit_cast<Word>(static_cast<float>(sample.latencyMs)), memory_order_relaxed);
    if (!sample.raiseOnly) bucket = bucketAt(histogram, sample.latencyMs);
    __builtin_prefetch(bucket, 1);
    next = averaged(seen, sample);
  }
  const std::uint32_t total = outcome == outcome::kSucceeded                             ? slot::kSucceeded
                              : outcome == outcome::kFailed || outcome == outcome::kLost ? slot::kFailed
                                                                                         : slot::kCancelled;
  // (C7) Relaxed, with itself in other threads and (S3): a count, which publishes nothing.
  doubleWord(segment.cells, at + total).fetch_add(1, memory_order_relaxed);
  if (sampled && next != seen) {
    // (C9) Relaxed both ways, with itself and (C8) in other threads: the word is complete in itself. A failure brings the newer word, and the sample goes on that.
    while (!doubleWord(segment.cells, at + slot::kLatency)
                .compare_exchange_weak(seen, next, memory_order_relaxed)) {
      next = averaged(seen, sample);
    }
  }
  // (C10) Relaxed, with itself in other threads and (S3): a count, which publishes nothing.
  if (bucket != nullptr) word(bucket, 0).fetch_add(1, memory_order_relaxed);
  // (C16) An answer ends the silence, whichever request it is for.
  const auto since = word(segment.cells, at + slot::kSilentSince);
  if (outcome <= outcome::kFailed && since.load(memory_order_relaxed) != 0)
    since.store(0, memory_order_relaxed);
}

void Core::end(std::uint32_t slot, double startedAt, std::uint32_t outcome, double latencyMs) noexcept {
  const Segment& segment = segments_[segmentOf(slot)];
  const std::size_t at = cellOf(slot);
  count(segment, at, startedAt, outcome, latencyMs);
  // (C6) Last, and release, with (S1): whoever sees nothing in flight may give the slot to another endpoint.
  word(segment.cells, at + slot::kInFlight).fetch_sub(1, memory_order_release);
  addToOwn(segment.column, ownOf(slot), static_cast<Word>(-1)); // (C3) own word, single writer
}

void Core::answer(std::uint32_t slot, double startedAt, std::uint32_t outcome, double latencyMs) noexcept {
  const Segment& segment = segments_[segmentOf(slot)];
  const std::size_t at = cellOf(slot);
  count(segment, at, startedAt, outcome, latencyMs);
  addToOwn(segment.column, ownOf(slot) + contribution::kOpen, 1); // (C3) own word, published by (C15)
  // (C15) Release, as (C4): who sees it in the count sees it in the contribution.
  word(segment.cells, at + slot::kOpen).fetch_add(1, memory_order_release);
}

void Core::close(std::uint32_t slot, bool broken) noexcept {
  const Segment& segment = segments_[segmentOf(slot)];
  const std::size_t at = cellOf(slot);
  if (broken) {
    // (C7) Two totals, for a moment one request fewer.
    doubleWord(segment.cells, at + slot::kSucceeded).fetch_sub(1, memory_order_relaxed);
    doubleWord(segment.cells, at + slot::kFailed).fetch_add(1, memory_order_relaxed);
  }
  // (C15) Before (C6), which publishes it: a slot with nothing in flight has nothing open.
  word(segment.cells, at + slot::kOpen).fetch_sub(1, memory_order_relaxed);
  // (C6) Last: at zero the slot may be given away.
  word(segment.cells, at + slot::kInFlight).fetch_sub(1, memory_order_release);
  // (C3) Own word, single writer.
  addToOwn(segment.column, ownOf(slot) + contribution::kOpen, static_cast<Word>(-1));
  addToOwn(segment.column, ownOf(slot), static_cast<Word>(-1)); // (C3) own word, single writer
}

void Core::reclaim(std::uint32_t thread) noexcept {
  for (const Segment& segment : segments_) {
    Word* column = segment.contributions + std::size_t{thread} * kColumnWords;
    for (std::uint32_t i = 0; i < sizes::kSegmentSlots; ++i) {
      const auto open = word(column, ownOf(i) + contribution::kOpen);
      // (C14) and (C15), as below; before it, so that a slot with nothing in flight has nothing open.
      const Word opened = open.load(memory_order_relaxed) == 0 ? 0 : open.exchange(0, memory_order_acq_rel);
      if (opened != 0) word(segment.cells, cellOf(i) + slot::kOpen).fetch_sub(opened, memory_order_relaxed);
      const auto left = word(column, ownOf(i));
      // (C14) The thread is gone: its end was heard of, which is after all that it did. An exchange, so that what was
      // taken off once is not taken off again.
      const Word count = left.load(memory_order_relaxed) == 0 ? 0 : left.exchange(0, memory_order_acq_rel);
      // (C6) As an end of each of its requests.
      if (count != 0) word(segment.cells, cellOf(i) + slot::kInFlight).fetch_sub(count, memory_order_release);
    }
  }
}

Word* Core::bucketAt(Word histogramPlusOne, double latencyMs) const noexcept {
  const Word histogram = histogramPlusOne - 1;
  if (histogram >= slotCount()) return nullptr;
  return segments_[segmentOf(histogram)].histograms +
         histogramWord(histogram & kSlotMask, bucketOf(clampLatency(latencyMs)));
}

std::uint32_t Core::nextPosition(std::uint32_t service, std::uint32_t n) noexcept {
  Word* const words = services_[service >> sizes::kServiceSegmentShift];
  const std::size_t at =
      std::size_t{service & (sizes::kServiceSegmentRecords - 1)} * service::kWords + service::kCursor;
  // Tickets above the last whole multiple of n are thrown away, so that the wrap does not favour the first positions.
  // `0 - n` is 2^32 - n, so `beyond` is how many of them there are.
  const Word beyond = (Word{0} - n) % n;
  for (;;) {
    // (C11) Relaxed, with itself in other threads: each ticket is given out once, which is all that fairness needs.
    const Word ticket = word(words, at).fetch_add(1, memory_order_relaxed);
    if (ticket <= ~beyond) return ticket % n;
  }
}

} // namespace fairlead
