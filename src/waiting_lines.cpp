#include "waiting_lines.hpp"

namespace fairlead {

using namespace layout;
using std::memory_order_acq_rel;
using std::memory_order_acquire;
using std::memory_order_relaxed;
using std::memory_order_release;
using std::memory_order_seq_cst;

namespace {

constexpr Word kStateMask = (1u << sizes::kTicketStateBits) - 1;

Word withState(Word word, Word state) noexcept { return (word & ~kStateMask) | state; }

} // namespace

bool WaitingLine::push(std::uint32_t ticket) noexcept {
  length_.fetch_add(1, memory_order_relaxed);
  Queue* rest = rest_.load(memory_order_acquire);
  if (rest == nullptr) {
    if (first_.push(ticket)) return true;
    const std::lock_guard lock(growing_);
    rest = rest_.load(memory_order_acquire);
    if (rest == nullptr) {
      rest = new (std::nothrow) Queue(kRestNodes);
      if (rest != nullptr) rest_.store(rest, memory_order_release);
    }
  }
  if (rest != nullptr && rest->push(ticket)) return true;
  length_.fetch_sub(1, memory_order_relaxed);
  return false;
}

std::int32_t WaitingLine::pop() noexcept {
  std::uint32_t ticket = 0;
  bool found = first_.pop(ticket);
  if (!found) {
    Queue* const rest = rest_.load(memory_order_acquire);
    found = rest != nullptr && rest->pop(ticket);
  }
  if (!found) return kNone;
  length_.fetch_sub(1, memory_order_relaxed);
  return static_cast<std::int32_t>(ticket);
}

std::shared_ptr<WaitingLineTable> WaitingLineTable::of(const void* root) {
  static std::mutex mutex;
  // Never destroyed: threads may still wait while the process ends.
  static auto* const all = new std::map<const void*, std::weak_ptr<WaitingLineTable>>();
  const std::lock_guard lock(mutex);
  std::erase_if(*all, [](const auto& one) { return one.second.expired(); });
  auto table = (*all)[root].lock();
  if (table == nullptr) {
    table = std::make_shared<WaitingLineTable>();
    (*all)[root] = table;
  }
  return table;
}

WaitingLine& WaitingLineTable::line(std::uint32_t service, std::uint32_t tier) {
  const std::lock_guard lock(mutex_);
  auto& line = lines_[{service, tier}];
  if (line == nullptr) line = std::make_unique<WaitingLine>();
  return *line;
}

WaitingLine& WaitingLines::line(std::uint32_t service, std::uint32_t tier) {
  auto& line = lines_[service * sizes::kTiers + tier];
  if (line == nullptr) line = &table_->line(service, tier);
  return *line;
}

bool WaitingLines::join(std::uint32_t service, std::uint32_t tier, std::uint32_t number) {
  WaitingLine& end = line(service, tier);
  Word* const own = at(number);
  const Word before = word(own, ticket::kState).load(memory_order_relaxed);
  const Word use = (before & ~kStateMask) + (1u << sizes::kTicketStateBits);
  word(own, ticket::kService).store((tier << sizes::kTicketTierShift) | service, memory_order_relaxed);
  // (A1) Before it is in sight; what is pushed is released by the queue as well.
  word(own, ticket::kState).store(withState(use, ticket_state::kWaiting), memory_order_release);
  if (end.push(number)) return true; // (A2) The place in line: first come is the order of these.
  word(own, ticket::kState).store(withState(use, ticket_state::kFree), memory_order_release);
  return false;
}

Grant WaitingLines::grantNext(std::uint32_t service, Word* record, std::int32_t ticks) {
  for (std::uint32_t tier = 0; tier < sizes::kTiers; ++tier) {
    WaitingLine& front = line(service, tier);
    for (std::int32_t first = front.pop(); first != WaitingLine::kNone; first = front.pop()) {
      Word* const one = at(static_cast<std::uint32_t>(first));
      if (grant(one, record, ticks)) return {first, word(one, ticket::kOwner).load(memory_order_relaxed)};
    }
  }
  return {};
}

bool WaitingLines::grant(Word* one, Word* record, std::int32_t ticks) noexcept {
  const auto state = word(one, ticket::kState);
  Word seen = state.load(memory_order_acquire);
  for (;;) {
    const Word bound = word(one, ticket::kBound).load(memory_order_relaxed);
    const bool late = bound != 0 && static_cast<std::int32_t>(static_cast<Word>(ticks) - bound) > 0;
    Word after = seen;
    switch (seen & kStateMask) {
      case ticket_state::kWaiting:
        if (!late) word(one, ticket::kGrantedAt).store(static_cast<Word>(ticks), memory_order_relaxed);
        after = withState(seen, late ? ticket_state::kLate : ticket_state::kGranted);
        break;
      case ticket_state::kLeft:
        // Out of line from here on: its thread may use it again.
        after = withState(seen, ticket_state::kFree);
        break;
      default:
        return false;
    }
    // (A3) Of those who grant, and of its own thread that gives it up, one.
    if (state.compare_exchange_strong(seen, after, memory_order_acq_rel, memory_order_acquire)) {
      if ((after & kStateMask) != ticket_state::kGranted) return false;
      word(record, service::kGranted).fetch_add(1, memory_order_seq_cst); // (A6) after the state
      return true;
    }
    word(record, service::kRetries).fetch_add(1, memory_order_relaxed);
  }
}

} // namespace fairlead
