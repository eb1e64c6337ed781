#include "ticket_queue.hpp"

#include <algorithm>

#include "clock.hpp"
#include "histogram.hpp"

// Numbers in brackets name the atomic operations; docs/concurrency/queues.md lists them with their partners.

namespace fairlead {

using namespace queue_layout;
using std::memory_order_acq_rel;
using std::memory_order_acquire;
using std::memory_order_relaxed;
using std::memory_order_release;
using std::memory_order_seq_cst;

namespace {

/// A node for each lane, and one for each thread that is inside a pop with a node it has not yet given back. Where even
/// these do not suffice, a lane goes unlisted until its next publication; readUnlisted finds it.
constexpr std::uint32_t kHandleNodes = 4 * sizes::kLanes;
/// Up to as many lanes are looked at one by one: two loads each, of lines that change only when there is something to
/// read. A handle costs a consumer that keeps up with its producers two exchanges a publication, and them one.
constexpr Word kLookedAt = 8;
/// How often a search for a free block starts again: another thread may be about to give one back.
constexpr int kBlockSearches = 1000;

/// See the templates of TicketQueue.
class TicketSink {
 public:
  TicketSink(const TicketQueueMemory& memory, Word* out, std::uint32_t room) noexcept
      : memory_(memory), out_(out), room_(room) {}
  std::uint32_t wanted() const noexcept { return room_ - taken_; }
  std::uint32_t copy(BlockIndex block, Word offset, std::uint32_t count) noexcept {
    Word* const items = memory_.block(block) + offset;
    for (std::uint32_t i = 0; i < count; ++i)
      out_[taken_ + i] = word(items, i).load(memory_order_relaxed); // (Q4) torn if late: then (Q3) fails
    copied_ = count;
    return count;
  }
  void take() noexcept { taken_ += copied_; }
  void drop() noexcept {}
  std::uint32_t taken() const noexcept { return taken_; }

 private:
  const TicketQueueMemory& memory_;
  Word* out_;
  std::uint32_t room_;
  std::uint32_t taken_ = 0;
  std::uint32_t copied_ = 0;
};

/// Copies nothing, and holds the block instead. Takes from one block only.
class HoldingSink {
 public:
  HoldingSink(TicketQueue& queue, std::uint32_t holder, std::uint32_t count) noexcept
      : queue_(queue), holder_(holder), wanted_(count) {}
  std::uint32_t wanted() const noexcept { return wanted_; }
  std::uint32_t copy(BlockIndex block, Word offset, std::uint32_t count) noexcept {
    queue_.holds().hold(holder_, block);
    seen_ = {(std::uint32_t{block} << queue_.slab().geometry().blockShift) + offset, count};
    return count;
  }
  void take() noexcept {
    span_ = seen_;
    wanted_ = 0;
  }
  void drop() noexcept { queue_.letGo(holder_); }
  std::uint32_t taken() const noexcept { return span_.count; }
  RequestSpan span() const noexcept { return span_; }

 private:
  TicketQueue& queue_;
  std::uint32_t holder_;
  std::uint32_t wanted_;
  RequestSpan seen_{};
  RequestSpan span_{};
};

} // namespace

TicketQueue::TicketQueue(Word* base, const QueueGeometry& geometry)
    : memory_(base, geometry),
      credits_(memory_),
      holds_(memory_),
      pool_(memory_, holds_),
      readable_(kHandleNodes) {
  for (std::uint32_t lane = 0; lane < sizes::kLanes; ++lane) {
    memory_.lane(lane, lane::kListed).store(0, memory_order_relaxed);
    if (isReadable(lane)) announce(lane);
  }
}

std::int32_t TicketQueue::takeLane(Word owner) noexcept {
  for (std::uint32_t lane = 0; lane < sizes::kLanes; ++lane) {
    Word nobody = 0;
    // (Q11) Acquire: what the owner before left in the fields that only an owner touches.
    if (!memory_.lane(lane, lane::kOwner)
             .compare_exchange_strong(nobody, owner, memory_order_acquire, memory_order_relaxed))
      continue;
    // (Q12) Before anything is accepted: whoever sums over the lanes in use must see this one.
    const auto used = memory_.header(header::kLanesUsed);
    Word count = used.load(memory_order_seq_cst);
    while (count <= lane && !used.compare_exchange_weak(count, lane + 1, memory_order_seq_cst)) {
    }
    return static_cast<std::int32_t>(lane);
  }
  return kNone;
}

void TicketQueue::releaseLane(std::uint32_t lane) noexcept {
  credits_.giveBack(lane);
  // A block that was opened and has nothing published in it holds nothing.
  const Word tail = memory_.own(lane, lane::kTail);
  Word& blockEnd = memory_.own(lane, lane::kBlockEnd);
  if (blockEnd != tail && (tail & memory_.blockMask()) == 0) {
    pool_.give(memory_.ownBlock(lane));
    blockEnd = tail;
  }
  // The owner may have ended between moving TAIL and announcing it.
  announce(lane);
  // (Q11) The next owner sees the plain words.
  memory_.lane(lane, lane::kOwner).store(0, memory_order_release);
}

std::uint32_t TicketQueue::pushMany(std::uint32_t lane, const Word* tickets, std::uint32_t count) noexcept {
  const Word mask = memory_.blockMask();
  std::uint32_t pushed = 0;
  while (pushed < count) {
    // (Q6) The owner's own position.
    const Word position = acceptedIn(memory_.lane(lane, lane::kCredit).load(memory_order_relaxed));
    if (position == (memory_.own(lane, lane::kBlockEnd) & 0xffff) && !openBlock(lane)) break;
    const Word offset = position & mask;
    const std::uint32_t accepted = credits_.spend(lane, std::min(count - pushed, mask + 1 - offset));
    if (accepted == 0) break;
    Word* const items = memory_.block(memory_.ownBlock(lane)) + offset;
    // (Q4) Relaxed: TAIL publishes them; a reader that is too late may still be looking at the block's former items.
    for (std::uint32_t i = 0; i < accepted; ++i)
      word(items, i).store(tickets[pushed + i], memory_order_relaxed);
    pushed += accepted;
    if (offset + accepted > mask) publish(lane);
  }
  return pushed;
}

void TicketQueue::publish(std::uint32_t lane) noexcept {
  const auto tailWord = memory_.lane(lane, lane::kTail);
  Word tail = tailWord.load(memory_order_relaxed);
  const std::uint32_t unpublished =
      unpublishedIn(memory_.lane(lane, lane::kCredit).load(memory_order_relaxed), tail);
  if (unpublished == 0) return;
  tail += unpublished;
  const auto wraps = memory_.lane(lane, lane::kWraps);
  if (tail == 0)
    wraps.store(wraps.load(memory_order_relaxed) + 1, memory_order_relaxed); // read for statistics
  // (Q2) Release: who sees TAIL sees the items and the directory. Sequentially consistent for what `announce` reads next.
  tailWord.store(tail, memory_order_seq_cst);
  announce(lane);
}

void TicketQueue::announce(std::uint32_t lane) noexcept {
  const auto listed = memory_.lane(lane, lane::kListed);
  // (Q5) Either this sees that a consumer has let the lane go, or that consumer, which looks at TAIL afterwards, sees
  // the new TAIL: both loads and both stores are sequentially consistent.
  if (listed.load(memory_order_seq_cst) != 0 || !isReadable(lane)) return;
  if (listed.exchange(1, memory_order_seq_cst) != 0) return;
  if (!readable_.bounded_push(lane)) listed.store(0, memory_order_seq_cst);
}

bool TicketQueue::openBlock(std::uint32_t lane) noexcept {
  for (int search = 0; search < kBlockSearches; ++search) {
    const std::int32_t block = pool_.take(lane);
    if (block == BlockPool::kNone) continue;
    const Word begin = memory_.own(lane, lane::kTail);
    memory_.setBlockAt(lane, begin, static_cast<BlockIndex>(block));
    memory_.own(lane, lane::kBlock) = static_cast<Word>(block);
    memory_.own(lane, lane::kBlockEnd) = begin + memory_.blockMask() + 1;
    return true;
  }
  return false;
}

std::uint32_t TicketQueue::popMany(Word* out, std::uint32_t count, std::uint32_t& next) noexcept {
  TicketSink sink(memory_, out, count);
  pop(sink, next);
  return sink.taken();
}

void TicketQueue::popRequests(RequestSink& sink, std::uint32_t& next) noexcept { pop(sink, next); }

RequestSpan TicketQueue::holdRequests(std::uint32_t holder, std::uint32_t count,
                                      std::uint32_t& next) noexcept {
  HoldingSink sink(*this, holder, count);
  pop(sink, next);
  return sink.span();
}

void TicketQueue::letGo(std::uint32_t holder) noexcept {
  const std::int32_t block = holds_.letGo(holder);
  if (block != RequestHolds::kNone) pool_.give(static_cast<BlockIndex>(block));
}

template <class Sink>
void TicketQueue::pop(Sink& sink, std::uint32_t& next) noexcept {
  const Word lanes = memory_.lanesUsed(memory_order_acquire);
  if (lanes <= kLookedAt) return readInTurn(lanes, sink, next);
  Word misses = 0;
  std::uint32_t lane = 0;
  while (sink.wanted() > 0 && misses <= sizes::kLanes && readable_.pop(lane)) {
    std::uint32_t got = 0;
    std::uint32_t visit = 0;
    // A block from each lane in turn; more while nobody else is in the queue.
    do {
      got = read(lane, sink);
      visit += got;
    } while (got > 0 && sink.wanted() > 0 && readable_.empty());
    if (visit == 0) ++misses;
    putBack(lane);
  }
  if (sink.taken() == 0) readUnlisted(sink);
}

template <class Sink>
void TicketQueue::readInTurn(std::uint32_t lanes, Sink& sink, std::uint32_t& next) noexcept {
  for (Word empty = 0; sink.wanted() > 0 && empty < lanes;) {
    if (next >= lanes) next = 0;
    empty = read(next, sink) == 0 ? empty + 1 : 0;
    // On to the next lane after each block, so that no producer starves the others; a part-read block is finished first.
    const Word head = memory_.lane(next, lane::kHead).load(memory_order_relaxed);
    if (sink.wanted() > 0 || (head & memory_.blockMask()) == 0) ++next;
  }
}

template <class Sink>
void TicketQueue::readUnlisted(Sink& sink) noexcept {
  const Word used = memory_.lanesUsed(memory_order_acquire);
  for (std::uint32_t lane = 0; lane < used && sink.wanted() > 0; ++lane) {
    read(lane, sink);
    if (isReadable(lane)) announce(lane);
  }
}

template <class Sink>
std::uint32_t TicketQueue::read(std::uint32_t lane, Sink& sink) noexcept {
  const Word mask = memory_.blockMask();
  const auto head = memory_.lane(lane, lane::kHead);
  Word position = head.load(memory_order_acquire); // (Q1) a guess, which (Q3) checks
  for (;;) {
    // (Q2) Acquire: with TAIL come the items before it.
    const auto available =
        static_cast<std::int32_t>(memory_.lane(lane, lane::kTail).load(memory_order_acquire) - position);
    const std::uint32_t wanted = sink.wanted();
    if (available <= 0 || wanted == 0) return 0;
    const Word offset = position & mask;
    const BlockIndex block = memory_.blockAt(lane, position);
    const std::uint32_t got = sink.copy(
        // (Q4) Copied before (Q3).
        block, offset, std::min({static_cast<std::uint32_t>(available), wanted, mask + 1 - offset}));
    if (got == 0) return 0;
    // (Q3) Release: the loads above are over before a producer takes the block back (Q9). Acquire on failure: as Q1.
    if (!head.compare_exchange_strong(position, position + got, memory_order_seq_cst, memory_order_acquire)) {
      memory_.lane(lane, lane::kRetries).fetch_add(1, memory_order_relaxed); // for statistics
      sink.drop();
      continue;
    }
    sink.take();
    if (memory_.lane(lane, lane::kProbe).load(memory_order_relaxed) - position < got)
      takeUpProbe(lane, position, got);
    return got;
  }
}

void TicketQueue::takeUpProbe(std::uint32_t lane, Word position, std::uint32_t count) noexcept {
  constexpr double kMostMs = layout::sizes::kMaxLatencyMs;
  const auto stateWord = memory_.lane(lane, lane::kProbeState);
  // (Q14) What is read between this and the exchange, if that succeeds, is one probe.
  Word state = stateWord.load(memory_order_acquire);
  if ((state & 1) == 0 || memory_.lane(lane, lane::kProbe).load(memory_order_relaxed) - position >= count)
    return;
  const Word items = memory_.lane(lane, lane::kProbeItems).load(memory_order_relaxed);
  const double publishedMs = memory_.probeTime(lane).load(memory_order_relaxed);
  if (!stateWord.compare_exchange_strong(state, state + 1, memory_order_acq_rel, memory_order_relaxed))
    return; // (Q14) another consumer took it up
  const double passedMs = monotonicNow() - publishedMs;
  // No comparison is true of what is no number.
  const double ms = passedMs > 0 ? std::min(passedMs, kMostMs) : 0;
  const std::size_t low = header::kTimeInQueue + 2 * std::size_t{bucketOf(ms)};
  const Word before = memory_.header(low).fetch_add(items, memory_order_relaxed); // (Q15) no item is lost
  // (Q15) The one add that wrapped carries.
  if (before + items < before) memory_.header(low + 1).fetch_add(1, memory_order_relaxed);
}

void TicketQueue::putBack(std::uint32_t lane) noexcept {
  const auto listed = memory_.lane(lane, lane::kListed);
  if (isReadable(lane) && readable_.bounded_push(lane)) return;
  listed.store(0, memory_order_seq_cst); // (Q5) then looks at TAIL: one of the two lists it
  announce(lane);
}

bool TicketQueue::isReadable(std::uint32_t lane) const noexcept {
  const Word head = memory_.lane(lane, lane::kHead).load(memory_order_seq_cst);
  // (Q5) As `read` sees it, also where HEAD is beyond TAIL, which only damage brings about.
  return static_cast<std::int32_t>(memory_.lane(lane, lane::kTail).load(memory_order_seq_cst) - head) > 0;
}

} // namespace fairlead
