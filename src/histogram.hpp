#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include "layout.hpp"

namespace fairlead {

/// The bucket of a latency from 0 to MAX_LATENCY_MS: 8 to an octave of microseconds; anything below 1 us is in bucket 0.
inline std::uint32_t bucketOf(double latencyMs) noexcept {
  constexpr double kUsPerMs = 1000;
  constexpr int kSubBits = layout::sizes::kHistogramSubBits;
  constexpr std::uint32_t kSubMask = (1u << kSubBits) - 1;
  const auto us = static_cast<std::uint32_t>(latencyMs * kUsPerMs);
  if (us == 0) return 0;
  const int octave = 31 - std::countl_zero(us);
  const std::uint32_t eighth = octave >= kSubBits ? us >> (octave - kSubBits) : us << (kSubBits - octave);
  return (static_cast<std::uint32_t>(octave) << kSubBits) | (eighth & kSubMask);
}

/// Word of a bucket in its segment's histograms, which lib/engine/layout.ts explains. `histogram` counts within the segment.
inline std::size_t histogramWord(std::uint32_t histogram, std::uint32_t bucket) noexcept {
  using namespace layout::sizes;
  constexpr std::uint32_t kLineMask = (1u << kLineShift) - 1;
  return std::size_t{bucket >> kLineShift} << (kSegmentShift + kLineShift) |
         std::size_t{histogram} << kLineShift | (bucket & kLineMask);
}

} // namespace fairlead
