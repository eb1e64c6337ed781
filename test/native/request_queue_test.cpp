// The queue of requests under threads: nothing lost, doubled or torn, in order for each producer.
// Run under ThreadSanitizer and AddressSanitizer.
#include <algorithm>
#include <atomic>
#include <cstring>
#include <thread>
#include <vector>

#include "queue_block.hpp"
#include "ticket_queue.hpp"

using namespace fairlead;
using namespace fairlead::queue_layout;

namespace {

/// Any thread's name will do; the queue compares it with 0 only.
constexpr Word kOwner = 1;

/// A request's bytes follow from its number, which is its first word; it has 8 bytes to a slot's.
Word lengthOf(Word number, Word slotBytes) { return 8 + number * 7919 % (slotBytes - 7); }
DoubleWord eightBytes(Word number, Word at) { return number * 0x9e3779b97f4a7c15u + at; }

/// Pushes a request as lib/queue/request-writing.ts does: false when the queue is full.
bool push(TicketQueue& queue, const TicketQueueMemory& memory, std::uint32_t lane, Word number) {
  const RequestSlab slab = queue.slab();
  const Word position = memory.lane(lane, lane::kCredit).load(std::memory_order_relaxed) >> 16;
  if (position == (memory.own(lane, lane::kBlockEnd) & 0xffff) && !queue.openBlock(lane)) return false;
  const Word offset = position & memory.blockMask();
  const std::size_t slot =
      (std::size_t{memory.own(lane, lane::kBlock)} << slab.geometry().blockShift) + offset;
  const Word length = lengthOf(number, slab.geometry().slotBytes);
  DoubleWord* const bytes = slab.bytes(slot);
  std::atomic_ref(bytes[0]).store(number, std::memory_order_relaxed);
  for (Word i = 1; 8 * i < length; ++i)
    std::atomic_ref(bytes[i]).store(eightBytes(number, i), std::memory_order_relaxed);
  slab.setLength(slot, length);
  TicketQueueCredits credits(memory);
  if (credits.spend(lane, 1) == 0) return false;
  if (offset == memory.blockMask()) queue.publish(lane);
  return true;
}

/// The number of a request that was popped; it is whole.
Word numberOf(const DoubleWord* bytes, Word length, Word slotBytes) {
  const Word number = static_cast<Word>(bytes[0]);
  CHECK(length == lengthOf(number, slotBytes));
  for (Word i = 1; 8 * i < length; ++i) CHECK(bytes[i] == eightBytes(number, i));
  return number;
}

/// Pops in place; up to three batches are held, and looked at once more when they are let go.
class HoldingConsumer {
 public:
  HoldingConsumer(TicketQueue& queue, Word slotBytes) : queue_(queue), slotBytes_(slotBytes) {}

  /// Calls `take` with the number of each request; returns how many there were.
  template <class Take>
  std::uint32_t pop(std::uint32_t count, std::uint32_t& lane, Take take) {
    const auto holder = static_cast<std::uint32_t>(queue_.holds().take(kOwner));
    CHECK(holder < sizes::kHolders);
    const RequestSpan span = queue_.holdRequests(holder, count, lane);
    for (const Word number : numbersIn(span)) take(number);
    held_.push_back({holder, span, numbersIn(span)});
    if (held_.size() > 3 || span.count == 0) letOneGo();
    return span.count;
  }
  void letAllGo() {
    while (!held_.empty()) letOneGo();
  }

 private:
  struct Held {
    std::uint32_t holder;
    RequestSpan span;
    std::vector<Word> numbers;
  };

  std::vector<Word> numbersIn(RequestSpan span) const {
    std::vector<Word> numbers;
    for (std::uint32_t i = 0; i < span.count; ++i) {
      const std::size_t slot = std::size_t{span.slot} + i;
      // Plain loads: nobody writes there as long as it is held.
      numbers.push_back(numberOf(queue_.slab().bytes(slot), queue_.slab().length(slot), slotBytes_));
    }
    return numbers;
  }
  void letOneGo() {
    const Held& oldest = held_.front();
    CHECK(numbersIn(oldest.span) == oldest.numbers);
    queue_.letGo(oldest.holder);
    queue_.holds().free(oldest.holder);
    held_.erase(held_.begin());
  }

  TicketQueue& queue_;
  Word slotBytes_;
  std::vector<Held> held_;
};

/// Each second consumer pops in place.
void overThreads(Word capacity, Word blockShift, Word slotBytes, Word producers, Word consumers, Word each) {
  const test::QueueBlock block(capacity, blockShift, slotBytes);
  const TicketQueueMemory memory(block.data());
  TicketQueue queue(block.data());
  std::vector<std::atomic<std::uint8_t>> seen(producers * each);
  std::atomic<Word> left{producers * each};
  std::vector<std::thread> threads;
  for (Word producer = 0; producer < producers; ++producer) {
    threads.emplace_back([&, producer] {
      const auto own = static_cast<std::uint32_t>(queue.takeLane(kOwner));
      for (Word next = 0; next < each;) {
        if (push(queue, memory, own, producer * each + next))
          ++next;
        else
          queue.publish(own);
        if (next % 5 == 0) queue.publish(own);
      }
      queue.publish(own);
      queue.releaseLane(own);
    });
  }
  for (Word consumer = 0; consumer < consumers; ++consumer) {
    threads.emplace_back([&, consumer] {
      const std::size_t stride = (slotBytes + 7) / 8;
      // Room for two requests of a slot's size and a half, or more of less.
      std::vector<DoubleWord> chunk(2 * stride + stride / 2);
      std::vector<Word> lengths(5 + consumer);
      std::vector<std::int64_t> last(producers, -1);
      std::uint32_t lane = 0;
      HoldingConsumer holding(queue, slotBytes);
      const auto take = [&](Word number) {
        CHECK(number < producers * each);
        CHECK(seen[number].fetch_add(1) == 0);
        CHECK(std::int64_t{number} > last[number / each]);
        last[number / each] = number;
      };
      while (left.load() > 0) {
        if (consumer % 2 == 1) {
          left.fetch_sub(holding.pop(1 + consumer, lane, take));
          continue;
        }
        RequestSink sink(queue.slab(), chunk.data(), chunk.size() * 8, lengths.data(),
                         static_cast<std::uint32_t>(lengths.size()));
        queue.popRequests(sink, lane);
        const DoubleWord* at = chunk.data();
        for (std::uint32_t i = 0; i < sink.taken(); ++i) {
          const Word number = numberOf(at, lengths[i], slotBytes);
          at += (lengths[i] + 7) / 8;
          take(number);
        }
        const auto room = static_cast<std::size_t>(chunk.data() + chunk.size() - at);
        CHECK(!sink.isFull() || (sink.needed() > 8 * room && sink.needed() <= slotBytes));
        left.fetch_sub(sink.taken());
      }
      holding.letAllGo();
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const auto& count : seen) CHECK(count.load() == 1);
}

/// A block that was read in place and let go is written again, with no other order between the two threads than that of the
/// holder's word.
void handsBlocksBack() {
  const test::QueueBlock block(8, 2, 8);
  const TicketQueueMemory memory(block.data());
  TicketQueue queue(block.data());
  std::atomic<int> turn{0};
  const auto await = [&turn](int number) {
    while (turn.load(std::memory_order_relaxed) != number) std::this_thread::yield();
  };
  std::thread reader([&] {
    await(1);
    std::uint32_t lane = 0;
    HoldingConsumer consumer(queue, 8);
    CHECK(consumer.pop(4, lane, [](Word) {}) == 4);
    consumer.letAllGo();
    turn.store(2, std::memory_order_relaxed);
  });
  const auto own = static_cast<std::uint32_t>(queue.takeLane(kOwner));
  for (Word number = 0; number < 4; ++number) CHECK(push(queue, memory, own, number));
  const Word first = memory.own(own, lane::kBlock);
  turn.store(1, std::memory_order_relaxed);
  await(2);
  CHECK(push(queue, memory, own, 4));
  CHECK(memory.own(own, lane::kBlock) == first);
  reader.join();
  queue.publish(own);
  queue.releaseLane(own);
}

/// Whatever stands in a length, no more than a slot is copied.
void boundsLengths() {
  const test::QueueBlock block(4, 2, 16);
  const TicketQueueMemory memory(block.data());
  TicketQueue queue(block.data());
  const auto lane = static_cast<std::uint32_t>(queue.takeLane(kOwner));
  CHECK(push(queue, memory, lane, 0));
  queue.publish(lane);
  queue.slab().setLength(std::size_t{memory.own(lane, lane::kBlock)} << 2, 0xffff);
  DoubleWord chunk[2] = {};
  Word length = 0;
  std::uint32_t next = 0;
  RequestSink sink(queue.slab(), chunk, sizeof chunk, &length, 1);
  queue.popRequests(sink, next);
  CHECK(sink.taken() == 1 && length == 16 && !sink.isFull());
  queue.releaseLane(lane);
}

} // namespace

int main() {
  boundsLengths();
  handsBlocksBack();
  overThreads(1, 2, 8, 1, 1, 2'000);
  overThreads(100, 2, 24, 2, 2, 10'000);
  overThreads(1000, 4, 61, 3, 2, 8'000);
  // Lengths of 32 bits.
  overThreads(8, 2, 70'000, 2, 2, 100);
  // More lanes than are looked at one by one: their handles travel.
  overThreads(500, 3, 40, 10, 3, 1'500);
}
