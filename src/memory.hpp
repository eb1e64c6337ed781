// The shared block as C++ sees it: base pointers and atomic views of single words. Offsets come from layout.hpp.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "layout.hpp"

namespace fairlead {

using Word = std::uint32_t;
using DoubleWord = std::uint64_t;

// What the block is laid out for. JavaScript's Atomics and std::atomic_ref agree only on lock-free words.
static_assert(std::endian::native == std::endian::little, "the packed words are little-endian");
static_assert(std::atomic_ref<Word>::is_always_lock_free && std::atomic_ref<DoubleWord>::is_always_lock_free);
static_assert(std::atomic_ref<Word>::required_alignment <= 4 &&
              std::atomic_ref<DoubleWord>::required_alignment <= 8);
static_assert(sizeof(float) == sizeof(Word) && sizeof(double) == sizeof(DoubleWord));
static_assert(layout::header::kManualNow % 2 == 0 && layout::slot::kLatency % 2 == 0 &&
                  layout::slot::kSucceeded % 2 == 0 && layout::slot::kFailed % 2 == 0 &&
                  layout::slot::kCancelled % 2 == 0,
              "two-word fields are 8-byte aligned");
static_assert(layout::header::kWords % 16 == 0 && layout::thread::kWords % 16 == 0 &&
                  layout::service::kWords % 16 == 0 && layout::slot::kWords % 16 == 0,
              "records are whole cache lines apart");
static_assert(layout::sizes::kServiceSegmentRecords == 1u << layout::sizes::kServiceSegmentShift);
static_assert(layout::sizes::kSegmentSlots == 1u << layout::sizes::kSegmentShift);
static_assert(layout::slot::kHistogram < 16 && layout::slot::kDecayMs < 16 &&
                  layout::slot::kBodyFailures < 16,
              "what a request touches in its slot is within 64 bytes");

/// Bytes to which the block must be aligned.
inline constexpr std::size_t kBlockAlignment = 8;
inline constexpr std::size_t kCellWords = std::size_t{layout::sizes::kSegmentSlots} * layout::slot::kWords;
inline constexpr std::size_t kHistogramWords =
    std::size_t{layout::sizes::kSegmentSlots} * layout::sizes::kHistogramBuckets;
/// Words of one thread's column of contributions to a segment.
inline constexpr std::size_t kColumnWords =
    std::size_t{layout::sizes::kSegmentSlots} * layout::contribution::kWords;

/// Words of a root segment.
constexpr std::size_t rootWords(Word maxThreads) {
  return layout::header::kWords + std::size_t{maxThreads} * layout::thread::kWords;
}
/// Words of a service segment: the records, then two columns of contributions for each thread.
constexpr std::size_t serviceSegmentWords(Word maxThreads) {
  return std::size_t{layout::sizes::kServiceSegmentRecords} *
         (layout::service::kWords +
          std::size_t{maxThreads} * (layout::contribution::kWords + layout::connection_contribution::kWords));
}

inline std::atomic_ref<Word> word(Word* base, std::size_t at) { return std::atomic_ref<Word>(base[at]); }

/// The two words at `at`, which is even, as one. No code accesses the same words singly.
inline std::atomic_ref<DoubleWord> doubleWord(Word* base, std::size_t at) {
  return std::atomic_ref<DoubleWord>(*reinterpret_cast<DoubleWord*>(base + at));
}

/// One segment of endpoint slots as one thread sees it. Does not own the memory.
struct Segment {
  /// SEGMENT_SLOTS slots of SLOT.WORDS words.
  Word* cells;
  /// This thread's own column of contributions.
  Word* column;
  /// The columns of all threads.
  Word* contributions;
  /// SEGMENT_SLOTS histograms of HISTOGRAM_BUCKETS words.
  Word* histograms;
};

} // namespace fairlead
