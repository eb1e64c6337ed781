#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core.hpp"

namespace fairlead {

/// How a picker chooses: values of layout::distributor and layout::metric.
struct PickerSpec {
  std::uint32_t distributor;
  std::uint32_t metric;
  std::uint32_t service;
  /// The usable slots in order, each below the core's slotCount(); fewer than 2^21.
  std::vector<std::uint32_t> slots;
  /// A position each for the slots, or empty: draws the candidates of two choices.
  DrawTable draw{};
};

/// Chooses a slot and reserves it; see `Picker` in lib/engine/contract.ts. Used by the core's thread alone.
class Picker {
 public:
  static constexpr std::int32_t kNone = -1;

  /// `turn`: where the sequence of its draws by weight begins.
  explicit Picker(PickerSpec spec, std::uint32_t turn = 0) : spec_(std::move(spec)), turn_(turn) {}

  /// The reserved slot, with the time of the pick in `startedAt`; or kNone, and `startedAt` is as it was. Lock-free.
  std::int32_t pick(Core& core, double& startedAt) noexcept;

 private:
  std::int32_t pickOfTwo(Core& core, double& startedAt) noexcept;
  std::int32_t takeFrom(Core& core, std::uint32_t position, std::int32_t ticks) const noexcept;
  std::uint32_t count() const noexcept { return static_cast<std::uint32_t>(spec_.slots.size()); }

  PickerSpec spec_;
  std::uint32_t turn_;
};

} // namespace fairlead
