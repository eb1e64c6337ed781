#pragma once

#if defined(__linux__)
#include <time.h>
#else
#include <chrono>
#endif

namespace fairlead {

/// Monotonic time in ms on the time line of `process.hrtime()`, which lib/runtime/clock.ts follows: CLOCK_MONOTONIC on
/// Linux, elsewhere the standard library's steady clock.
inline double monotonicNow() noexcept {
#if defined(__linux__)
  constexpr double kMsPerS = 1e3;
  constexpr double kMsPerNs = 1e-6;
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<double>(time.tv_sec) * kMsPerS + static_cast<double>(time.tv_nsec) * kMsPerNs;
#else
  using namespace std::chrono;
  constexpr double kMsPerNs = 1e-6;
  return static_cast<double>(duration_cast<nanoseconds>(steady_clock::now().time_since_epoch()).count()) *
         kMsPerNs;
#endif
}

} // namespace fairlead
