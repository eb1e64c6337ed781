// Probes of time in queue under threads: each is taken up once, with its own words, whatever the owner does meanwhile.
// The owner's side is TypeScript (lib/queue/time-in-queue.ts); here it is much as there, with a probe in every publication.
// Run under ThreadSanitizer and AddressSanitizer.
#include <atomic>
#include <thread>
#include <vector>

#include "clock.hpp"
#include "histogram.hpp"
#include "queue_block.hpp"
#include "ticket_queue.hpp"

using namespace fairlead;
using namespace fairlead::queue_layout;

namespace {

constexpr Word kOwner = 1;
constexpr Word kCapacity = 1000;
constexpr Word kItems = 40'000;
constexpr Word kConsumers = 3;
/// Probes are of two kinds, so that one with words of another shows: young ones of one item, old ones of many.
constexpr double kAgeMs = 100'000;
constexpr Word kMany = 1'000'000;

struct Owner {
  const TicketQueueMemory& memory;
  std::uint32_t lane;
  bool isOld = false;
  Word replaced = 0;
  /// Probes that consumers have taken up.
  std::uint64_t young = 0;
  std::uint64_t old = 0;

  std::atomic_ref<Word> at(std::size_t field) const { return memory.lane(lane, field); }
  bool isOut() const { return (at(lane::kProbeState).load() & 1) == 1; }

  /// Sets or replaces the probe: the item before `tail`, which is not published yet.
  void offer(Word tail) {
    const auto state = at(lane::kProbeState);
    Word before = state.load();
    const bool wasOut = isSet(before);
    const bool isBack = wasOut && state.compare_exchange_strong(before, before + 1);
    if (!isBack && tail > 1) ++(isOld ? old : young);
    const Word next = wasOut ? (isBack ? before + 2 : before + 1) : before + 1;
    isOld = ++replaced % 3 == 0;
    at(lane::kProbe).store(tail - 1, std::memory_order_relaxed);
    at(lane::kProbeItems).store(isOld ? kMany : 1, std::memory_order_relaxed);
    memory.probeTime(lane).store(monotonicNow() - (isOld ? kAgeMs : 0), std::memory_order_relaxed);
    state.store(next);
  }

  static bool isSet(Word state) { return (state & 1) == 1; }
};

std::uint64_t itemsIn(const TicketQueueMemory& memory, Word bucket) {
  const std::size_t low = header::kTimeInQueue + 2 * std::size_t{bucket};
  return std::uint64_t{memory.header(low + 1).load()} << 32 | memory.header(low).load();
}

} // namespace

int main() {
  const auto words = test::ticketBlock(kCapacity);
  const TicketQueueMemory memory(words.data());
  TicketQueue queue(words.data());
  const auto lane = static_cast<std::uint32_t>(queue.takeLane(kOwner));
  // One item short of a carry, in every bucket.
  constexpr Word kAlmost = 0xffffffff;
  for (Word bucket = 0; bucket < sizes::kTimeBuckets; ++bucket)
    memory.header(header::kTimeInQueue + 2 * std::size_t{bucket}).store(kAlmost);

  std::atomic<Word> left{kItems};
  std::vector<std::thread> consumers;
  for (Word consumer = 0; consumer < kConsumers; ++consumer) {
    consumers.emplace_back([&, consumer] {
      std::vector<Word> out(1 + 7 * consumer);
      std::uint32_t next = 0;
      while (left.load() > 0)
        left.fetch_sub(queue.popMany(out.data(), static_cast<std::uint32_t>(out.size()), next));
    });
  }
  Owner owner{memory, lane};
  const Word tickets[5] = {};
  for (Word pushed = 0; pushed < kItems;) {
    const Word accepted = queue.pushMany(lane, tickets, std::min<Word>(1 + pushed % 5, kItems - pushed));
    pushed += accepted;
    if (accepted == 0) continue;
    owner.offer(pushed);
    queue.publish(lane);
    // Now and then until a consumer has taken it up: on few cores nearly all are replaced. Not for ever: where the item ended
    // a block it was published by the push, and may have been popped before it was a probe.
    if (owner.replaced % 100 == 0)
      for (int turns = 0; owner.isOut() && turns < 1000; ++turns) std::this_thread::yield();
  }
  for (std::thread& consumer : consumers) consumer.join();

  if (!owner.isOut()) ++(owner.isOld ? owner.old : owner.young);

  std::uint64_t young = 0;
  std::uint64_t old = 0;
  for (Word bucket = 0; bucket < sizes::kTimeBuckets; ++bucket)
    (bucket < bucketOf(kAgeMs / 2) ? young : old) += itemsIn(memory, bucket) - kAlmost;
  CHECK(young == owner.young && old == owner.old * kMany);
  CHECK(owner.young > 0 && owner.old > 0);
  queue.releaseLane(lane);
  std::puts("ok");
  return 0;
}
