// The ticket queue under threads: nothing lost, nothing doubled, in order for each producer, exact capacity.
// Run under ThreadSanitizer and AddressSanitizer.
#include <atomic>
#include <thread>
#include <vector>

#include "queue_block.hpp"
#include "ticket_queue.hpp"

using namespace fairlead;
using namespace fairlead::queue_layout;

namespace {

/// Any thread's name will do; the queue compares it with 0 only.
constexpr Word kOwner = 1;

void keepsOrderAndCapacity(Word capacity) {
  const auto block = test::ticketBlock(capacity);
  TicketQueue queue(block.data());
  const auto lane = static_cast<std::uint32_t>(queue.takeLane(kOwner));
  std::vector<Word> tickets(capacity + 3);
  for (Word i = 0; i < tickets.size(); ++i) tickets[i] = i;
  std::vector<Word> out(capacity + 3);
  std::uint32_t next = 0;
  for (int round = 0; round < 5; ++round) {
    CHECK(queue.pushMany(lane, tickets.data(), static_cast<std::uint32_t>(tickets.size())) == capacity);
    queue.publish(lane);
    CHECK(queue.popMany(out.data(), static_cast<std::uint32_t>(out.size()), next) == capacity);
    for (Word i = 0; i < capacity; ++i) CHECK(out[i] == i);
    CHECK(queue.popMany(out.data(), 1, next) == 0);
  }
  queue.releaseLane(lane);
}

void overThreads(Word capacity, Word producers, Word consumers, Word each) {
  const auto block = test::ticketBlock(capacity);
  TicketQueue queue(block.data());
  std::vector<std::atomic<std::uint8_t>> seen(producers * each);
  std::atomic<Word> left{producers * each};
  std::vector<std::thread> threads;
  for (Word producer = 0; producer < producers; ++producer) {
    threads.emplace_back([&, producer] {
      const std::int32_t lane = queue.takeLane(kOwner);
      CHECK(lane != TicketQueue::kNone);
      const auto own = static_cast<std::uint32_t>(lane);
      std::vector<Word> batch(97);
      for (Word next = 0; next < each;) {
        const Word count = std::min<Word>(1 + next % 97, each - next);
        for (Word i = 0; i < count; ++i) batch[i] = producer * each + next + i;
        const Word accepted = queue.pushMany(own, batch.data(), count);
        next += accepted;
        // As lib/queue/port.ts does when the queue is full: or all producers may wait for what none has published.
        if (accepted < count || next % 3 == 0) queue.publish(own);
      }
      queue.publish(own);
      queue.releaseLane(own);
    });
  }
  for (Word consumer = 0; consumer < consumers; ++consumer) {
    threads.emplace_back([&, consumer] {
      std::vector<Word> out(61 + consumer);
      std::vector<std::int64_t> last(producers, -1);
      std::uint32_t next = 0;
      while (left.load() > 0) {
        const std::uint32_t count = queue.popMany(out.data(), static_cast<std::uint32_t>(out.size()), next);
        for (std::uint32_t i = 0; i < count; ++i) {
          CHECK(out[i] < producers * each);
          CHECK(seen[out[i]].fetch_add(1) == 0);
          CHECK(std::int64_t{out[i]} > last[out[i] / each]);
          last[out[i] / each] = out[i];
        }
        left.fetch_sub(count);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const auto& count : seen) CHECK(count.load() == 1);
}

/// Producers come and go while others read: lanes are given back and taken again.
void lanesComeAndGo() {
  const auto block = test::ticketBlock(500);
  TicketQueue queue(block.data());
  constexpr Word kRounds = 300;
  std::atomic<Word> popped{0};
  std::atomic<Word> pushed{0};
  std::atomic<bool> done{false};
  std::vector<std::thread> threads;
  for (int producer = 0; producer < 3; ++producer) {
    threads.emplace_back([&] {
      for (Word round = 0; round < kRounds; ++round) {
        const auto lane = static_cast<std::uint32_t>(queue.takeLane(kOwner));
        Word tickets[23] = {};
        pushed.fetch_add(queue.pushMany(lane, tickets, 1 + round % 23));
        queue.publish(lane);
        queue.releaseLane(lane);
      }
    });
  }
  std::thread consumer([&] {
    Word out[50];
    std::uint32_t next = 0;
    for (;;) {
      const bool last = done.load();
      const std::uint32_t count = queue.popMany(out, 50, next);
      popped.fetch_add(count);
      if (last && count == 0) break;
    }
  });
  for (std::thread& thread : threads) thread.join();
  done.store(true);
  consumer.join();
  CHECK(popped.load() == pushed.load());
}

} // namespace

int main() {
  for (const Word capacity : {1u, 2u, 16u, 255u, 256u, 1000u, 5000u}) keepsOrderAndCapacity(capacity);
  overThreads(64, 1, 1, 20'000);
  overThreads(1000, 2, 2, 20'000);
  overThreads(10'000, 3, 2, 20'000);
  overThreads(3, 2, 2, 2'000);
  // More lanes than are looked at one by one: their handles travel.
  overThreads(10'000, 11, 3, 3'000);
  overThreads(40, 12, 2, 500);
  lanesComeAndGo();
}
