// The lines of waiting requests: several threads join them, grant, and leave. Each ticket is granted at most once, in the
// order in which its thread joined, and none is lost. What is handed over with a grant is plain memory, so that
// ThreadSanitizer sees our orderings: cmake/weakened.cmake builds this once more with a weaker one.
#include <algorithm>
#include <atomic>
#include <optional>
#include <thread>
#include <vector>

#include "check.hpp"
#include "waiting_lines.hpp"

using namespace fairlead;
using namespace fairlead::layout;

namespace {

constexpr Word kStateMask = (1u << sizes::kTicketStateBits) - 1;
constexpr std::uint32_t kTicketCount = (1u << sizes::kTicketBits) - 2;

/// Tickets and a service's record.
struct Lines {
  explicit Lines(std::uint32_t count = kTicketCount)
      : tickets(std::size_t{count} * ticket::kWords), record(service::kWords) {}

  WaitingLines open() const { return {record.data(), tickets.data()}; }
  Word* at(std::uint32_t one) const { return tickets.data() + std::size_t{one} * ticket::kWords; }
  Word load(std::uint32_t one) const { return word(at(one), ticket::kState).load(std::memory_order_acquire); }
  Word stateOf(std::uint32_t one) const { return load(one) & kStateMask; }
  Word granted() const { return word(record.data(), service::kGranted).load(std::memory_order_relaxed); }
  void setUp(std::uint32_t one, Word owner, Word bound = 0) const {
    word(at(one), ticket::kOwner).store(owner, std::memory_order_relaxed);
    word(at(one), ticket::kBound).store(bound, std::memory_order_relaxed);
  }
  /// As its own thread does (A3): false where it was granted meanwhile.
  bool leave(std::uint32_t one) const {
    Word seen = load(one);
    if ((seen & kStateMask) != ticket_state::kWaiting) return false;
    return word(at(one), ticket::kState)
        .compare_exchange_strong(seen, (seen & ~kStateMask) | ticket_state::kLeft, std::memory_order_acq_rel);
  }

  test::Memory tickets;
  test::Memory record;
};

void grantsInOrder() {
  Lines memory(16);
  WaitingLines lines = memory.open();
  for (std::uint32_t one = 0; one < 8; ++one) memory.setUp(one, one + 1, one == 3 ? 11 : 0);
  const auto join = [&](std::uint32_t tier, std::uint32_t one) { CHECK(lines.join(0, tier, one)); };
  join(1, 4);
  join(1, 3);
  join(1, 5);
  join(0, 1);
  join(3, 7);
  join(1, 0);
  CHECK(lines.length(0, 1) == 4);
  CHECK(memory.leave(5));
  const auto next = [&](Word ticks) {
    return lines.grantNext(0, memory.record.data(), static_cast<std::int32_t>(ticks));
  };
  Grant first = next(12);
  CHECK(first.ticket == 1 && first.owner == 2);
  CHECK(next(12).ticket == 4);
  CHECK(next(12).ticket == 0);
  CHECK(next(12).ticket == 7);
  CHECK(next(12).ticket == Grant::kNone);
  CHECK(memory.stateOf(3) == ticket_state::kLate && memory.stateOf(5) == ticket_state::kFree);
  CHECK(memory.stateOf(4) == ticket_state::kGranted && !memory.leave(4));
  CHECK(memory.granted() == 4);
  CHECK(lines.length(0, 1) == 0);
  // Another service's are others.
  join(1, 4);
  CHECK(lines.grantNext(1, memory.record.data(), 0).ticket == Grant::kNone);
}

/// The small queue overflows into the large one, which overflows in the end; then nothing has changed.
void growsAndIsFull() {
  Lines memory;
  WaitingLines lines = memory.open();
  std::uint32_t joined = 0;
  while (lines.join(0, 2, joined)) CHECK(++joined < kTicketCount);
  CHECK(joined > 65'534);
  CHECK(lines.length(0, 2) == joined);
  CHECK(memory.stateOf(joined) == ticket_state::kFree);
  for (std::uint32_t one = 0; one < joined; ++one)
    CHECK(lines.grantNext(0, memory.record.data(), 0).ticket == static_cast<std::int32_t>(one));
  CHECK(lines.grantNext(0, memory.record.data(), 0).ticket == Grant::kNone);
  CHECK(lines.join(0, 2, joined));
  CHECK(lines.grantNext(0, memory.record.data(), 0).ticket == static_cast<std::int32_t>(joined));
}

/// Lines belong to a root, are shared by all that have it, and live as long as one of those.
void livesAsLongAsOne() {
  Lines memory(4);
  const test::Memory other(2);
  std::optional<WaitingLines> first(memory.open());
  CHECK(first->join(0, 1, 0));
  std::optional<WaitingLines> second(memory.open());
  WaitingLines apart(other.data(), memory.tickets.data());
  CHECK(apart.length(0, 1) == 0 && second->length(0, 1) == 1);
  first.reset();
  CHECK(second->length(0, 1) == 1);
  second.reset();
  // Memory at the same address is another balancer's.
  WaitingLines anew = memory.open();
  CHECK(anew.length(0, 1) == 0);
  std::vector<std::thread> threads;
  std::atomic<std::uint32_t> found{0};
  CHECK(anew.join(0, 1, 1));
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      for (int round = 0; round < 200; ++round) {
        const test::Memory root(2);
        WaitingLines own(root.data(), memory.tickets.data());
        WaitingLines shared = memory.open();
        found += own.length(0, 1) + shared.length(0, 1);
      }
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(found == 4 * 200);
}

constexpr std::uint32_t kJoiners = 3;
constexpr std::uint32_t kGranters = 2;
/// Tickets of a joiner. Those of all are more than the small queue holds.
constexpr std::uint32_t kOwn = 1'000;

/// Joiners have `batch` tickets in line at a time, leave with some, and wait for the others to be granted.
void overThreads(std::uint32_t batch, std::uint32_t rounds) {
  Lines memory(kJoiners * kOwn);
  const std::uint32_t most = kJoiners * batch * rounds;
  // Plain: by ticket, which of its thread's it is; read by whoever grants it. Whether that was done, before it joins again.
  std::vector<std::uint32_t> turns(std::size_t{kJoiners} * kOwn);
  std::vector<std::atomic<bool>> read(turns.size());
  // Plain: by number of the grant, which the ticket's `GRANTED_AT` tells; read by the ticket's thread.
  std::vector<std::vector<Word>> freed(kGranters, std::vector<Word>(most + 1));
  std::atomic<std::uint32_t> working{kJoiners};
  std::atomic<std::uint32_t> granted{0};
  std::atomic<std::uint32_t> left{0};
  std::vector<std::thread> threads;
  for (std::uint32_t joiner = 0; joiner < kJoiners; ++joiner) {
    threads.emplace_back([&, joiner] {
      WaitingLines lines = memory.open();
      const auto own = [&](std::uint32_t i) { return joiner * kOwn + i; };
      for (std::uint32_t i = 0; i < batch; ++i) memory.setUp(own(i), joiner + 1);
      std::uint32_t turn = 0;
      for (std::uint32_t round = 0; round < rounds; ++round) {
        for (std::uint32_t i = 0; i < batch; ++i) {
          turns[own(i)] = ++turn;
          CHECK(lines.join(0, 1, own(i)));
        }
        for (std::uint32_t i = 0; i < batch; ++i) {
          const std::uint32_t one = own(i);
          if ((i + round) % 5 == 0 && memory.leave(one)) {
            ++left;
            // It may be used again once it is out of the line.
            while (memory.stateOf(one) == ticket_state::kLeft) std::this_thread::yield();
            CHECK(memory.stateOf(one) == ticket_state::kFree);
            continue;
          }
          while (memory.stateOf(one) == ticket_state::kWaiting) std::this_thread::yield();
          CHECK(memory.stateOf(one) == ticket_state::kGranted);
          const Word ticks = word(memory.at(one), ticket::kGrantedAt).load(std::memory_order_relaxed);
          CHECK(freed[ticks % kGranters][ticks / kGranters] == ticks);
          while (!read[one].exchange(false)) std::this_thread::yield();
        }
      }
      --working;
    });
  }
  for (std::uint32_t granter = 0; granter < kGranters; ++granter) {
    threads.emplace_back([&, granter] {
      WaitingLines lines = memory.open();
      std::vector<std::uint32_t> latest(kJoiners);
      for (Word number = 0; working != 0;) {
        const Word ticks = number * kGranters + granter;
        freed[granter][number] = ticks;
        const Grant grant = lines.grantNext(0, memory.record.data(), static_cast<std::int32_t>(ticks));
        if (grant.ticket == Grant::kNone) {
          std::this_thread::yield();
          continue;
        }
        ++number;
        ++granted;
        const auto one = static_cast<std::uint32_t>(grant.ticket);
        const std::uint32_t joiner = one / kOwn;
        CHECK(grant.owner == joiner + 1);
        CHECK(turns[one] > latest[joiner]);
        latest[joiner] = turns[one];
        // Granted once: nobody has read it in this use.
        CHECK(!read[one].exchange(true));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(granted + left == most);
  CHECK(memory.granted() == granted);
  CHECK(memory.open().length(0, 1) == 0);
}

} // namespace

int main() {
  grantsInOrder();
  growsAndIsFull();
  livesAsLongAsOne();
  // Hardly ever anybody in line; a few; more than the small queue holds.
  overThreads(1, 2'000);
  overThreads(8, 300);
  overThreads(kOwn, 6);
  std::puts("ok");
}
