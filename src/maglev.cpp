#include "maglev.hpp"

#include <utility>

namespace fairlead {

namespace {
constexpr std::size_t kBitsPerWord = 64;
}

MaglevBuilder::MaglevBuilder(MaglevSpec spec, std::uint32_t* table)
    : spec_(std::move(spec)),
      table_(table),
      taken_((spec_.size + kBitsPerWord - 1) / kBitsPerWord),
      cursors_(spec_.offsets),
      // Each endpoint takes a slot in the first round, however light it is.
      credits_(spec_.offsets.size(), 1.0) {
  for (std::size_t i = 0; i < credits_.size(); ++i) credits_[i] -= spec_.shares[i];
}

bool MaglevBuilder::advance(std::uint32_t turns) noexcept {
  const std::uint32_t size = spec_.size;
  const std::size_t count = cursors_.size();
  for (; turns > 0 && filled_ < size; --turns) {
    const std::size_t i = turn_;
    if (++turn_ == count) turn_ = 0;
    credits_[i] += spec_.shares[i];
    if (credits_[i] < 1.0) continue;
    credits_[i] -= 1.0;
    std::uint32_t slot = cursors_[i];
    const std::uint32_t skip = spec_.skips[i];
    const auto after = [size, skip](std::uint32_t at) {
      return at >= size - skip ? at - (size - skip) : at + skip;
    };
    while (isTaken(slot)) slot = after(slot);
    taken_[slot >> 6] |= std::uint64_t{1} << (slot & 63);
    table_[slot] = spec_.names[i];
    cursors_[i] = after(slot);
    ++filled_;
  }
  return filled_ == size;
}

} // namespace fairlead
