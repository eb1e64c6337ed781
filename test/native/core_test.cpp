// The core in one thread: generator, decay, histogram, time stamps, reservations, pickers.
#include <cmath>
#include <limits>

#include "check.hpp"
#include "histogram.hpp"
#include "picker.hpp"

using namespace fairlead;
using namespace fairlead::layout;
using fairlead::test::Block;

namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// Published with rand_xoshiro 0.6, made there with the authors' reference implementation.
void generatorGivesThePublishedNumbers() {
  Word state[4] = {1, 2, 3, 4};
  for (const Word expected : {641u, 1573767u, 3222811527u, 3517856514u, 836907274u, 4247214768u, 3867114732u,
                              1355841295u, 495546011u, 621204420u}) {
    CHECK(nextRandom(state) == expected);
  }
  CHECK(toBelow(0, 10) == 0 && toBelow(0xffffffff, 10) == 9);
}

void decayIsTheExponential() {
  double worst = 0;
  for (int i = 0; i < 600'000; ++i)
    worst = std::fmax(worst, std::fabs(expNegative(i / 1e4) / std::exp(-i / 1e4) - 1));
  CHECK(worst > 0 && worst < 1e-8);
  CHECK(expNegative(0) == 1);
  for (const double x : {60.0, 1e300, -1e-9, -1e300, kNan, HUGE_VAL, -HUGE_VAL}) CHECK(expNegative(x) == 0);
}

// test/engine/engine-decay.test.ts demands the same number of the TypeScript side: both engines agree to the last bit.
void decayHasTheBitsOfTheFallback() {
  std::uint64_t hash = 0xcbf29ce484222325; // FNV-1a, 64 bits
  for (int i = 0; i < 200'000; ++i) {
    const double x = static_cast<double>(i) * i * 1.6e-9;
    hash = (hash ^ std::bit_cast<std::uint64_t>(expNegative(x))) * 0x100000001b3;
  }
  CHECK(hash == 0xad2bd4f7712fb1f2);
}

void bucketsAreEighthsOfOctaves() {
  for (Word bucket = (3u << sizes::kHistogramSubBits) + 1; bucket < sizes::kHistogramBuckets; ++bucket) {
    const double bound = std::ldexp(1 + (bucket & 7) / 8.0, static_cast<int>(bucket >> 3)) / 1000;
    CHECK(bucketOf(bound + 0.0005) == bucket && bucketOf(bound - 0.0005) == bucket - 1);
  }
  CHECK(bucketOf(0) == 0 && bucketOf(0.0009) == 0 &&
        bucketOf(sizes::kMaxLatencyMs) == sizes::kHistogramBuckets - 1);
  std::vector<bool> used(kHistogramWords);
  for (Word histogram = 0; histogram < sizes::kSegmentSlots; ++histogram) {
    for (Word bucket = 0; bucket < sizes::kHistogramBuckets; ++bucket) {
      const std::size_t at = histogramWord(histogram, bucket);
      CHECK(at < used.size() && !used[at]);
      used[at] = true;
    }
  }
}

// As `| 0` does it in JavaScript: truncated, then the low 32 bits.
void ticksAreTheLowBits() {
  CHECK(Core::ticksOf(0) == 0 && Core::ticksOf(1) == 16 && Core::ticksOf(0.99 / 16) == 0 &&
        Core::ticksOf(-1.99 / 16) == -1);
  constexpr double kTwoTo28 = 268435456.0;
  CHECK(Core::ticksOf(kTwoTo28) == 0 &&
        Core::ticksOf(kTwoTo28 / 2) == std::numeric_limits<std::int32_t>::min());
  CHECK(Core::ticksOf(kTwoTo28 * 5 + 3) == 48);
  CHECK(Core::ticksOf(std::ldexp(1.0, 59) + std::ldexp(1.0, 8)) == 1 << 12);
  for (const double never : {kNan, HUGE_VAL, -HUGE_VAL}) CHECK(Core::ticksOf(never) == 0);
}

void limitsAreStrict() {
  Block block(2, 3);
  Core core = block.core(1);
  for (int i = 0; i < 3; ++i) CHECK(core.take(1, 0));
  CHECK(!core.take(1, 0));
  CHECK(block.at(1, slot::kInFlight) == 3 && block.contributed(1) == 3);
  core.end(1, 0, outcome::kFailed, -1);
  CHECK(core.take(1, 0) && !core.take(1, 0));
  CHECK(block.total(1, slot::kFailed) == 1 && block.at(0, slot::kInFlight) == 0);
}

void hostileNumbersStayInside() {
  Block block(1);
  Core core = block.core(0);
  for (const double latency : {kNan, HUGE_VAL, 1e300, 0.0, -0.0, 1e-300, 4294967.3}) {
    for (const double startedAt : {0.0, kNan, HUGE_VAL, -HUGE_VAL}) {
      CHECK(core.take(0, 0));
      core.end(0, startedAt, 77, latency);
      const float average = averageOf(block.total(0, slot::kLatency));
      CHECK(average >= 0 && average <= static_cast<float>(sizes::kMaxLatencyMs));
    }
  }
  for (const Word histogram : {0u, 1025u, 0x7fffffffu, 0xffffffffu}) {
    block.at(0, slot::kHistogram) = histogram;
    const auto before = block.samples();
    CHECK(core.take(0, 0));
    core.end(0, 0, outcome::kSucceeded, 1);
    CHECK(block.samples() == before);
  }
  // A word that no core writes: another program's bug must not become an access out of bounds.
  for (const float average : {-1.0f, 1e30f, std::numeric_limits<float>::quiet_NaN(), HUGE_VALF}) {
    block.at(0, slot::kHistogram) = 1;
    block.at(0, slot::kLatency + 1) = std::bit_cast<Word>(average);
    for (const float decay : {0.0f, -1.0f, std::numeric_limits<float>::quiet_NaN()}) {
      block.at(0, slot::kDecayMs) = std::bit_cast<Word>(decay);
      CHECK(core.take(0, 0));
      core.end(0, 0, outcome::kSucceeded, 1);
    }
  }
}

void cursorIsFairAcrossItsWrap() {
  for (const Word n : {3u, 7u, 10u}) {
    Block block(1);
    Core core = block.core(0);
    block.cursor(1) = static_cast<Word>(-1000);
    Word before = core.nextPosition(1, n);
    for (int i = 0; i < 3000; ++i) {
      const Word position = core.nextPosition(1, n);
      CHECK(position == (before + 1) % n);
      before = position;
    }
    CHECK(block.cursor(1) < 3000 && block.cursor(0) == 0);
  }
}

void pickersFillEverySlot() {
  for (const Word distributor : {distributor::kRoundRobin, distributor::kRandom, distributor::kTwoChoices}) {
    Block block(5, 2);
    Core core = block.core(0);
    Picker picker({distributor, metric::kLatency, 0, {0, 1, 2, 3, 4}});
    double startedAt = -1;
    for (int i = 0; i < 10; ++i) CHECK(picker.pick(core, startedAt) >= 0);
    CHECK(startedAt == 0);
    startedAt = -1;
    CHECK(picker.pick(core, startedAt) == Picker::kNone && startedAt == -1);
    for (Word slot = 0; slot < 5; ++slot) CHECK(block.at(slot, slot::kInFlight) == 2);
  }
}

} // namespace

int main() {
  generatorGivesThePublishedNumbers();
  decayIsTheExponential();
  decayHasTheBitsOfTheFallback();
  bucketsAreEighthsOfOctaves();
  ticksAreTheLowBits();
  limitsAreStrict();
  hostileNumbersStayInside();
  cursorIsFairAcrossItsWrap();
  pickersFillEverySlot();
}
