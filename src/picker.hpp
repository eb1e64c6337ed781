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
};

/// Chooses a slot and reserves it; see `Picker` in lib/engine/contract.ts. An immutable view, used by the core's thread.
class Picker {
 public:
  static constexpr std::int32_t kNone = -1;

  explicit Picker(PickerSpec spec) : spec_(std::move(spec)) {}

  /// The reserved slot, with the time of the pick in `startedAt`; or kNone, and `startedAt` is as it was. Lock-free.
  std::int32_t pick(Core& core, double& startedAt) const noexcept;

 private:
  std::int32_t pickOfTwo(Core& core, double& startedAt) const noexcept;
  std::int32_t takeFrom(Core& core, std::uint32_t position) const noexcept;
  std::uint32_t count() const noexcept { return static_cast<std::uint32_t>(spec_.slots.size()); }

  PickerSpec spec_;
};

} // namespace fairlead
