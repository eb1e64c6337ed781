// What a ticket stands for is handed over with it: who pops a ticket may touch what its producer wrote before the push.
// That memory is plain, so that ThreadSanitizer sees the queue's orderings and nothing else. cmake/weakened.cmake builds this
// once more for each ordering that is weaker than it has to be, and then a race must be reported.
#include <atomic>
#include <thread>
#include <vector>

#include "queue_block.hpp"
#include "ticket_queue.hpp"

using namespace fairlead;
using namespace fairlead::queue_layout;

namespace {

constexpr Word kCapacity = 500;
constexpr Word kEach = 5'000;
constexpr Word kProducers = 3;
// A weakened build's race is missed in about one round of two hundred, where the orderings of other operations happen to
// order the two threads.
constexpr int kRounds = 10;

Word contentOf(Word ticket) { return ticket * 2654435761u; }

/// Lanes go from one producer to another all the time: what one leaves in the words of the lane's owner, the next finds.
void handsOver() {
  const auto words = test::ticketBlock(kCapacity);
  TicketQueue queue(words.data());
  std::vector<Word> contents(kProducers * kEach);
  std::vector<std::thread> threads;
  for (Word producer = 0; producer < kProducers; ++producer) {
    threads.emplace_back([&, producer] {
      for (Word pushed = 0; pushed < kEach;) {
        const std::int32_t taken = queue.takeLane(producer + 1);
        CHECK(taken != TicketQueue::kNone);
        const auto lane = static_cast<std::uint32_t>(taken);
        for (Word end = std::min(pushed + 100, kEach); pushed < end;) {
          const Word ticket = producer * kEach + pushed;
          contents[ticket] = contentOf(ticket);
          const bool accepted = queue.pushMany(lane, &ticket, 1) == 1;
          queue.publish(lane);
          if (!accepted) break;
          ++pushed;
        }
        queue.releaseLane(lane);
      }
    });
  }
  threads.emplace_back([&] {
    std::vector<Word> out(64);
    std::uint32_t next = 0;
    for (Word left = kProducers * kEach; left > 0;) {
      const std::uint32_t count = queue.popMany(out.data(), static_cast<std::uint32_t>(out.size()), next);
      for (std::uint32_t i = 0; i < count; ++i) {
        CHECK(contents[out[i]] == contentOf(out[i]));
        contents[out[i]] = 0;
      }
      left -= count;
    }
  });
  for (std::thread& thread : threads) thread.join();
}

} // namespace

int main() {
  for (int round = 0; round < kRounds; ++round) handsOver();
  std::puts("ok");
}
