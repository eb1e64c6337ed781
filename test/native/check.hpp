// What the core's own tests need: checks that stay on in every build, and a block of shared memory.
#pragma once

#include <bit>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

#include "core.hpp"

#define CHECK(condition)                                                           \
  do {                                                                             \
    if (!(condition)) {                                                            \
      std::fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
      std::exit(1);                                                                \
    }                                                                              \
  } while (false)

namespace fairlead::test {

inline constexpr Word kThreads = 4;

/// Memory of its own size to the word, so that AddressSanitizer sees an access beyond it.
struct Memory {
  explicit Memory(std::size_t words) : words(words), base(new std::uint64_t[words / 2]()) {}
  Word* data() const { return reinterpret_cast<Word*>(base.get()); }
  std::size_t words;
  std::unique_ptr<std::uint64_t[]> base;
};

/// A formatted block of one segment, manual time 0, its first slots ready and unlimited.
class Block {
 public:
  explicit Block(std::uint32_t slots, Word limit = 0) {
    using namespace layout;
    root.data()[header::kMaxThreads] = kThreads;
    root.data()[header::kClockMode] = 1;
    for (Word thread = 0; thread < kThreads; ++thread) {
      for (Word i = 0; i < 4; ++i) randomState(thread)[i] = 17 * (thread + 1) + i;
    }
    for (std::uint32_t slot = 0; slot < slots; ++slot) {
      at(slot, slot::kWeight) = std::bit_cast<Word>(1.0f);
      at(slot, slot::kDecayMs) = std::bit_cast<Word>(10'000.0f);
      at(slot, slot::kLimit) = limit;
      at(slot, slot::kHistogram) = slot + 1;
    }
  }

  Core core(std::uint32_t thread) {
    Core made(root.data(), thread);
    made.addServices(services.data());
    made.addSegment(cells.data(), contributions.data(), histograms.data());
    return made;
  }

  Word* randomState(Word thread) {
    return root.data() + layout::header::kWords + thread * layout::thread::kWords + layout::thread::kRandom;
  }
  Word& cursor(Word service) {
    return services.data()[service * layout::service::kWords + layout::service::kCursor];
  }
  Word& at(std::uint32_t slot, Word field) { return cells.data()[slot * layout::slot::kWords + field]; }
  std::uint64_t total(std::uint32_t slot, Word field) {
    return std::uint64_t{at(slot, field + 1)} << 32 | at(slot, field);
  }
  Word contributed(std::uint32_t slot) {
    Word sum = 0;
    for (Word thread = 0; thread < kThreads; ++thread) {
      sum += contributions.data()[thread * kColumnWords + slot * layout::contribution::kWords];
    }
    return sum;
  }
  std::uint64_t samples() {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < histograms.words; ++i) sum += histograms.data()[i];
    return sum;
  }

  Memory root{rootWords(kThreads)};
  Memory services{serviceSegmentWords(kThreads)};
  Memory cells{kCellWords};
  Memory contributions{kThreads * kColumnWords};
  Memory histograms{kHistogramWords};
};

} // namespace fairlead::test
