#include "picker.hpp"

#include "random.hpp"

namespace fairlead {

using namespace layout;

std::int32_t Picker::pick(Core& core, double& startedAt) const noexcept {
  const std::uint32_t n = count();
  if (n == 0) return kNone;
  std::uint32_t position = 0;
  if (spec_.distributor == distributor::kRoundRobin) {
    position = core.nextPosition(spec_.service, n);
  } else if (n > 1) {
    if (spec_.distributor == distributor::kTwoChoices) return pickOfTwo(core, startedAt);
    position = toBelow(core.random(), n);
  }
  core.prefetch(spec_.slots[position]);
  const double now = core.now();
  const std::int32_t slot = takeFrom(core, position);
  if (slot != kNone) startedAt = now;
  return slot;
}

std::int32_t Picker::pickOfTwo(Core& core, double& startedAt) const noexcept {
  const std::uint32_t n = count();
  const std::uint32_t first = toBelow(core.random(), n);
  std::uint32_t second = toBelow(core.random(), n - 1);
  if (second >= first) ++second;
  const std::uint32_t a = spec_.slots[first];
  const std::uint32_t b = spec_.slots[second];
  // Among thousands of endpoints these lines are far away; they come while the clock is read.
  core.prefetch(a);
  core.prefetch(b);
  const double now = core.now();
  double loadA = core.load(a);
  double loadB = core.load(b);
  if (spec_.metric == metric::kLatency) {
    const std::int32_t ticks = Core::ticksOf(now);
    loadA = core.latency(a, ticks) * loadA;
    loadB = core.latency(b, ticks) * loadB;
  }
  const bool swap = loadB < loadA;
  auto slot = static_cast<std::int32_t>(swap ? b : a);
  if (!core.take(static_cast<std::uint32_t>(slot))) {
    slot = takeFrom(core, swap ? first : second);
    if (slot == kNone) return kNone;
  }
  startedAt = now;
  return slot;
}

/// Reserves `position` or, where it is at its limit, the first after it that is not.
std::int32_t Picker::takeFrom(Core& core, std::uint32_t position) const noexcept {
  const std::uint32_t n = count();
  for (std::uint32_t i = 0, at = position; i < n; ++i) {
    if (core.take(spec_.slots[at])) return static_cast<std::int32_t>(spec_.slots[at]);
    if (++at == n) at = 0;
  }
  return kNone;
}

} // namespace fairlead
