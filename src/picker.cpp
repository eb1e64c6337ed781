#include "picker.hpp"

#include "random.hpp"

namespace fairlead {

using namespace layout;

std::int32_t Picker::pick(Core& core, double& startedAt) noexcept {
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
  const std::int32_t slot = takeFrom(core, position, Core::ticksOf(now));
  if (slot != kNone) startedAt = now;
  return slot;
}

std::int32_t Picker::pickOfTwo(Core& core, double& startedAt) noexcept {
  const std::uint32_t n = count();
  std::uint32_t first = 0;
  std::uint32_t second = 0;
  if (spec_.draw.thresholds.empty()) {
    first = toBelow(core.random(), n);
    second = toBelow(core.random(), n - 1);
    if (second >= first) ++second;
  } else {
    turn_ += kGoldenStep;
    first = drawn(spec_.draw, turn_);
    second = drawOther(spec_.draw, first, [&core] { return core.random(); });
  }
  const std::uint32_t a = spec_.slots[first];
  const std::uint32_t b = spec_.slots[second];
  // Among thousands of endpoints these lines are far away; they come while the clock is read.
  core.prefetch(a);
  core.prefetch(b);
  const double now = core.now();
  const std::int32_t ticks = Core::ticksOf(now);
  const bool swap = core.leaves(a, b, spec_.metric == metric::kLatency, ticks);
  auto slot = static_cast<std::int32_t>(swap ? b : a);
  if (!core.take(static_cast<std::uint32_t>(slot), ticks)) {
    slot = takeFrom(core, swap ? first : second, ticks);
    if (slot == kNone) return kNone;
  }
  startedAt = now;
  return slot;
}

/// Reserves `position` or, where it is at its limit, the first after it that is not.
std::int32_t Picker::takeFrom(Core& core, std::uint32_t position, std::int32_t ticks) const noexcept {
  const std::uint32_t n = count();
  for (std::uint32_t i = 0, at = position; i < n; ++i) {
    if (core.take(spec_.slots[at], ticks)) return static_cast<std::int32_t>(spec_.slots[at]);
    if (++at == n) at = 0;
  }
  return kNone;
}

} // namespace fairlead
