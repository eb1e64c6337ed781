// Maglev's table: full, even, as its weights say, the same in slices as at once; nothing is written beyond it.
#include "maglev.hpp"

#include <algorithm>
#include <numeric>
#include <random>

#include "check.hpp"

using namespace fairlead;

namespace {

constexpr std::uint32_t kSize = 65'537;
constexpr std::uint32_t kEmpty = UINT32_MAX;
constexpr std::uint32_t kAll = UINT32_MAX;

MaglevSpec specOf(const std::vector<double>& weights, std::uint32_t size, std::uint32_t seed) {
  std::mt19937 random(seed);
  const double largest = *std::max_element(weights.begin(), weights.end());
  MaglevSpec spec{.size = size, .offsets = {}, .skips = {}, .shares = {}, .names = {}};
  for (std::size_t i = 0; i < weights.size(); ++i) {
    spec.offsets.push_back(static_cast<std::uint32_t>(random() % size));
    spec.skips.push_back(static_cast<std::uint32_t>(1 + random() % (size - 1)));
    spec.shares.push_back(weights[i] / largest);
    spec.names.push_back(static_cast<std::uint32_t>(i));
  }
  return spec;
}

std::vector<std::uint32_t> tableOf(const MaglevSpec& spec, std::uint32_t turns) {
  // Exactly as long as it must be, so that AddressSanitizer sees a write beyond it.
  std::vector<std::uint32_t> table(spec.size, kEmpty);
  table.shrink_to_fit();
  MaglevBuilder builder(spec, table.data());
  while (!builder.advance(turns)) {
  }
  CHECK(builder.advance(turns));
  return table;
}

std::vector<std::uint32_t> countsOf(const std::vector<std::uint32_t>& table, std::size_t endpoints) {
  std::vector<std::uint32_t> counts(endpoints);
  for (const std::uint32_t name : table) {
    CHECK(name < endpoints);
    ++counts[name];
  }
  return counts;
}

void equalWeightsShareEvenly() {
  for (const std::size_t endpoints : {1, 2, 3, 100, 1'000}) {
    const auto spec = specOf(std::vector<double>(endpoints, 1.0), kSize, 1);
    const auto counts = countsOf(tableOf(spec, kAll), endpoints);
    const auto least = static_cast<std::uint32_t>(kSize / endpoints);
    for (const std::uint32_t count : counts) CHECK(count == least || count == least + 1);
  }
}

void sharesFollowWeights() {
  const std::vector<double> weights{1.5, 0.25, 10.75, 3, 3, 1e-9};
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  const auto counts = countsOf(tableOf(specOf(weights, kSize, 2), kAll), weights.size());
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const double off = counts[i] - kSize * weights[i] / sum;
    CHECK(off > -2 && off < 2);
    CHECK(counts[i] > 0);
  }
}

void slicesMakeNoDifference() {
  for (const std::uint32_t size : {2U, 3U, 251U, kSize}) {
    const auto spec = specOf({1, 2, 0.5, 1}, size, size);
    const auto whole = tableOf(spec, kAll);
    for (const std::uint32_t turns : {1U, 7U, 4'096U}) CHECK(tableOf(spec, turns) == whole);
  }
}

} // namespace

int main() {
  equalWeightsShareEvenly();
  sharesFollowWeights();
  slicesMakeNoDifference();
}
