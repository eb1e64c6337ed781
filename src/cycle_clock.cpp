#include "cycle_clock.hpp"

#ifdef FAIRLEAD_CYCLES
#include <cpuid.h>

#include <cmath>
#include <cstdio>
#include <cstring>
#endif

namespace fairlead {

#ifdef FAIRLEAD_CYCLES

namespace {

constexpr double kWindowMs = 0.1;
/// A rate is measured over at least this long: what a look is off by is then nothing.
constexpr double kRateMs = 10;
/// Rates that differ by more than this share are of different counters: the machine was moved or suspended.
constexpr double kSameRate = 1e-3;
/// Cycles between the counter's readings before and after the system's clock: beyond it the thread was held up there.
constexpr std::uint64_t kTightCycles = 2000;

/// "Invariant TSC": Intel 64 and IA-32 manual 3B, 18.17.1; AMD64 manual 3, appendix E, Fn8000_0007.
bool counterIsInvariant() noexcept {
  unsigned eax = 0;
  unsigned ebx = 0;
  unsigned ecx = 0;
  unsigned edx = 0;
  return __get_cpuid(0x80000007, &eax, &ebx, &ecx, &edx) != 0 && (edx & (1u << 8)) != 0;
}

bool systemTakesIt() noexcept {
  std::FILE* const file =
      std::fopen("/sys/devices/system/clocksource/clocksource0/current_clocksource", "re");
  if (file == nullptr) return false;
  char name[8] = "";
  const bool read = std::fgets(name, sizeof name, file) != nullptr;
  std::fclose(file);
  return read && std::strcmp(name, "tsc\n") == 0;
}

} // namespace

bool cyclesAreTime() noexcept {
  static const bool answer = counterIsInvariant() && systemTakesIt();
  return answer;
}

double CycleClock::look() noexcept {
  if (!cyclesAreTime()) return monotonicNow();
  const std::uint64_t cycles = __rdtsc();
  const double ms = monotonicNow();
  window_ = 0;
  if (__rdtsc() - cycles > kTightCycles) return ms;
  const double elapsedMs = ms - rateMs_;
  if (!(elapsedMs < kRateMs)) {
    // The first one is measured from nowhere, and agrees with no other.
    const double rate = elapsedMs / static_cast<double>(static_cast<std::int64_t>(cycles - rateCycles_));
    believed_ = std::fabs(rate / msPerCycle_ - 1) < kSameRate;
    msPerCycle_ = rate;
    rateCycles_ = cycles;
    rateMs_ = ms;
  }
  if (believed_) window_ = static_cast<std::uint64_t>(kWindowMs / msPerCycle_);
  cycles_ = cycles;
  ms_ = ms;
  return ms;
}

#else

bool cyclesAreTime() noexcept { return false; }

#endif

} // namespace fairlead
