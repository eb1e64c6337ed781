// Which of two endpoints a request goes to: the very arithmetic of lib/engine/choice.ts, where the rule is explained, and
// of lib/engine/weighted-draw.ts.
#pragma once

#include <cstdint>
#include <vector>

#include "layout.hpp"
#include "random.hpp"

namespace fairlead {

/// Latencies in ms, or 1 for both where latency does not count.
struct Candidate {
  double latency;
  double inFlight;
  double weight;
};

inline bool areNear(double a, double b) noexcept {
  using layout::sizes::kAtRestFactor;
  using layout::sizes::kAtRestMs;
  return a > b ? a <= kAtRestFactor * b + kAtRestMs : b <= kAtRestFactor * a + kAtRestMs;
}

/// Whether a request leaves `first`, which was drawn by its weight, for `second`.
inline bool leavesFirst(const Candidate& first, const Candidate& second) noexcept {
  if (areNear(first.latency, second.latency)) {
    if (first.inFlight <= 0 && second.inFlight <= 0) return false;
    if (first.weight != second.weight)
      return first.latency * (first.inFlight / first.weight) >
             second.latency * ((second.inFlight + 1) / second.weight);
  }
  return second.latency * ((second.inFlight + 1) / second.weight) <
         first.latency * ((first.inFlight + 1) / first.weight);
}

/// Positions by weight: an alias table, empty where all weights are equal.
struct DrawTable {
  std::vector<std::uint32_t> thresholds;
  std::vector<std::uint32_t> aliases;
};

inline constexpr std::uint32_t kGoldenStep = 0x9e3779b9;

/// The position that 32 bits draw.
inline std::uint32_t drawn(const DrawTable& table, std::uint32_t bits) noexcept {
  const std::uint64_t product = std::uint64_t{bits} * table.thresholds.size();
  const auto position = static_cast<std::uint32_t>(product >> 32);
  return static_cast<std::uint32_t>(product) < table.thresholds[position] ? position
                                                                          : table.aliases[position];
}

/// A position other than `first`, by weight as far as a few draws go; `random` gives 32 bits.
template <typename Random>
std::uint32_t drawOther(const DrawTable& table, std::uint32_t first, Random&& random) noexcept {
  constexpr int kDraws = 4;
  const auto n = static_cast<std::uint32_t>(table.thresholds.size());
  if (n == 2) return 1 - first;
  for (int i = 0; i < kDraws; ++i) {
    const std::uint32_t second = drawn(table, random());
    if (second != first) return second;
  }
  const std::uint32_t other = toBelow(random(), n - 1);
  return other >= first ? other + 1 : other;
}

} // namespace fairlead
