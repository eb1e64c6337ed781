// The time of monotonicNow() at a fraction of its price, for one thread: the processor's cycle counter, read between
// looks at the system's clock that are at most 0.1 ms apart.
#pragma once

#include <cstdint>

#include "clock.hpp"

#if defined(__x86_64__) && defined(__linux__)
#include <x86intrin.h>
#define FAIRLEAD_CYCLES 1
#endif

namespace fairlead {

/// Whether the system itself takes its time from this counter: then it runs evenly, through sleep states too, and alike
/// on all cores. Asked once a process.
bool cyclesAreTime() noexcept;

/// Right to within some nanoseconds; where the counter or the system's clock makes a jump, wrong for 0.1 ms at most.
/// Readings of one thread may be in reverse by as little. Without a counter to rely on it is monotonicNow().
class CycleClock {
 public:
  /// ms, as monotonicNow(). Wait-free.
  double now() noexcept {
#ifdef FAIRLEAD_CYCLES
    // Unsigned: a counter that went backwards is far ahead. Not a serialising read, which would cost as much as the
    // system's clock: what is measured is microseconds.
    const std::uint64_t since = __rdtsc() - cycles_;
    if (since < window_) return ms_ + static_cast<double>(static_cast<std::int64_t>(since)) * msPerCycle_;
    return look();
#else
    return monotonicNow();
#endif
  }

 private:
  /// Asks the system, and makes that the beginning of the next window.
  double look() noexcept;

  /// The last look: the counter and the time.
  std::uint64_t cycles_ = 0;
  double ms_ = 0;
  /// For how many cycles after it the counter is believed; 0 while its rate is not known.
  std::uint64_t window_ = 0;
  double msPerCycle_ = 0;
  /// Whether the last two measurements of the rate agree.
  bool believed_ = false;
  /// The look from which the rate is measured.
  std::uint64_t rateCycles_ = 0;
  double rateMs_ = 0;
};

} // namespace fairlead
