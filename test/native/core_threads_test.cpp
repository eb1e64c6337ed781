// The core under threads: exact counts, strict limits, fair turns. Run under ThreadSanitizer and AddressSanitizer.
#include <algorithm>
#include <array>
#include <atomic>
#include <functional>
#include <thread>

#include "check.hpp"
#include "picker.hpp"

using namespace fairlead;
using namespace fairlead::layout;
using fairlead::test::Block;
using fairlead::test::kThreads;

namespace {

/// Runs `work` in kThreads threads that start together, each with its own number.
void together(const std::function<void(Word)>& work) {
  std::atomic<Word> arrived{0};
  std::vector<std::thread> threads;
  for (Word thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      arrived.fetch_add(1);
      while (arrived.load() < kThreads) std::this_thread::yield();
      work(thread);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

void countsAreExact() {
  constexpr int kCycles = 20'000;
  constexpr Word kSlots = 4;
  constexpr Word kLimit = 2;
  Block block(kSlots);
  block.root.data()[header::kClockMode] = 0;
  block.at(0, slot::kLimit) = kLimit;
  block.at(1, slot::kFlags) = slot_flags::kPeak;
  std::atomic<std::uint64_t> ended{0};
  together([&](Word thread) {
    Core core = block.core(thread);
    const std::vector<std::uint32_t> slots{0, 1, 2, 3};
    std::array<Picker, 3> pickers{Picker({distributor::kRoundRobin, metric::kInFlight, 0, slots}),
                                  Picker({distributor::kRandom, metric::kInFlight, 0, slots}),
                                  Picker({distributor::kTwoChoices, metric::kLatency, 0, slots})};
    std::uint64_t mine = 0;
    for (int i = 0; i < kCycles; ++i) {
      double startedAt = 0;
      std::int32_t slot =
          i % 4 == 3 ? (core.take(0, 0) ? 0 : Picker::kNone) : pickers[i % 3].pick(core, startedAt);
      CHECK(word(block.cells.data(), slot::kInFlight).load() <= kLimit);
      if (slot == Picker::kNone) continue;
      core.end(static_cast<Word>(slot), startedAt, i % 3, i % 5);
      ++mine;
    }
    ended += mine;
  });
  std::uint64_t totals = 0;
  for (Word slot = 0; slot < kSlots; ++slot) {
    CHECK(block.at(slot, slot::kInFlight) == 0 && block.contributed(slot) == 0);
    totals += block.total(slot, slot::kSucceeded) + block.total(slot, slot::kFailed) +
              block.total(slot, slot::kCancelled);
    const float average = averageOf(block.total(slot, slot::kLatency));
    CHECK(average >= 0 && average <= 4);
  }
  // Only what was answered well is a sample of the histogram.
  std::uint64_t succeeded = 0;
  for (Word slot = 0; slot < kSlots; ++slot) succeeded += block.total(slot, slot::kSucceeded);
  CHECK(totals == ended.load() && block.samples() == succeeded);
}

void limitsAreStrictAndExhausted() {
  constexpr Word kSlots = 8;
  constexpr Word kLimit = 500;
  for (const Word distributor : {distributor::kRoundRobin, distributor::kRandom, distributor::kTwoChoices}) {
    Block block(kSlots, kLimit);
    std::atomic<Word> picked{0};
    together([&](Word thread) {
      Core core = block.core(thread);
      Picker picker({distributor, metric::kInFlight, 0, {0, 1, 2, 3, 4, 5, 6, 7}});
      double startedAt = 0;
      while (picker.pick(core, startedAt) != Picker::kNone) ++picked;
    });
    CHECK(picked == kSlots * kLimit);
    for (Word slot = 0; slot < kSlots; ++slot) {
      CHECK(block.at(slot, slot::kInFlight) == kLimit && block.contributed(slot) == kLimit);
    }
  }
}

void turnsAreFair() {
  constexpr Word kPositions = 7;
  constexpr int kTurns = 10'000;
  Block block(1);
  block.cursor(0) = static_cast<Word>(-1000);
  std::array<std::atomic<Word>, kPositions> counts{};
  together([&](Word thread) {
    Core core = block.core(thread);
    for (int i = 0; i < kTurns; ++i) ++counts[core.nextPosition(0, kPositions)];
  });
  const auto [least, most] = std::minmax_element(counts.begin(), counts.end());
  CHECK(*most - *least <= 1);
}

/// A thread that rebuilds a shared count from the contributions never finds fewer of them than the count had said.
void contributionsComeFirst() {
  Block block(1);
  std::atomic<bool> done{false};
  std::thread reader([&] {
    while (!done.load()) {
      const Word seen = word(block.cells.data(), slot::kInFlight).load(std::memory_order_acquire);
      Word contributed = 0;
      for (Word thread = 0; thread < kThreads; ++thread) {
        contributed +=
            word(block.contributions.data(), thread * kColumnWords).load(std::memory_order_relaxed);
      }
      CHECK(contributed >= seen);
    }
  });
  together([&](Word thread) {
    Core core = block.core(thread);
    for (int i = 0; i < 2'000; ++i) CHECK(core.take(0, 0)); // taken only, so that both only grow
  });
  done = true;
  reader.join();
  CHECK(block.at(0, slot::kInFlight) == 2'000 * kThreads);
}

} // namespace

int main() {
  countsAreExact();
  limitsAreStrictAndExhausted();
  turnsAreFair();
  contributionsComeFirst();
}
