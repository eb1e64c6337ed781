#pragma once

#include <bit>
#include <cstdint>

namespace fairlead {

/// e^-x for x >= 0; 0 for anything else, NaN too. The very sequence of IEEE double operations of
/// lib/engine/atomics/decay.ts, where the formula is explained; compiled without contraction to fused operations.
inline double expNegative(double x) noexcept {
  constexpr double kInverseLn2 = 1.4426950408889634;
  constexpr double kLn2 = 0.6931471805599453;
  constexpr double kC2 = 1.0 / 2;
  constexpr double kC3 = 1.0 / 6;
  constexpr double kC4 = 1.0 / 24;
  constexpr double kC5 = 1.0 / 120;
  constexpr double kC6 = 1.0 / 720;
  constexpr double kC7 = 1.0 / 5040;
  constexpr double kLargest = 60;
  constexpr double kSmall = 1.0 / 64;
  constexpr std::uint64_t kExponentBias = 1023;
  constexpr int kMantissaBits = 52;
  if (!(x >= 0 && x < kLargest)) return 0;
  if (x < kSmall) return (1 - x) + x * x * (kC2 - x * kC3);
  const double y = x * kInverseLn2;
  const auto k = static_cast<std::int32_t>(y + 0.5);
  const double z = (k - y) * kLn2;
  const double z2 = z * z;
  const double low = (1 + z) + z2 * (kC2 + z * kC3);
  const double high = (kC4 + z * kC5) + z2 * (kC6 + z * kC7);
  const auto half =
      std::bit_cast<double>((kExponentBias - static_cast<std::uint64_t>(k)) << kMantissaBits); // 2^-k
  return (low + z2 * z2 * high) * half;
}

} // namespace fairlead
