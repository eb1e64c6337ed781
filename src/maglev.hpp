// Maglev's look-up table (Eisenbud et al., NSDI 2016, 3.4), filled step by step. lib/engine/fallback/maglev.ts does the
// same operations in the same order: both engines make the same table, bit for bit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace fairlead {

/// What a table is made of. Parallel arrays, one element an endpoint, in the order in which they take their turns.
struct MaglevSpec {
  /// Slots of the table; a prime.
  std::uint32_t size;
  /// Where an endpoint's permutation of the slots begins, below `size`, and its step, coprime to `size`.
  std::vector<std::uint32_t> offsets;
  std::vector<std::uint32_t> skips;
  /// Weight over the largest weight: more than 0, at most 1, and 1 for at least one endpoint.
  std::vector<double> shares;
  /// What the table says for an endpoint's slots.
  std::vector<std::uint32_t> names;
};

/// One thread's. `table` has `spec.size` elements and outlives the builder.
class MaglevBuilder {
 public:
  MaglevBuilder(MaglevSpec spec, std::uint32_t* table);

  /// Gives up to `turns` turns to the endpoints. True when every slot of the table is taken.
  bool advance(std::uint32_t turns) noexcept;

 private:
  bool isTaken(std::uint32_t slot) const noexcept { return (taken_[slot >> 6] >> (slot & 63) & 1) != 0; }

  MaglevSpec spec_;
  std::uint32_t* table_;
  /// One bit a slot: small enough for the first-level cache.
  std::vector<std::uint64_t> taken_;
  /// Next slot of each endpoint's permutation, and the turns it has saved up.
  std::vector<std::uint32_t> cursors_;
  std::vector<double> credits_;
  std::uint32_t filled_ = 0;
  std::size_t turn_ = 0;
};

} // namespace fairlead
