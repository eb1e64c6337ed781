// The lines of waiting requests as JavaScript holds them: functions of one thread's core.
#include "../src/waiting_lines.hpp"

#include <utility>

#include "arguments.hpp"
#include "core_binding.hpp"
#include "notifiers.hpp"

namespace fairlead::binding {

namespace {

using namespace layout;

constexpr std::uint32_t kTickets = (1u << sizes::kTicketBits) - 1;
constexpr Word kThreadMask = (1u << sizes::kThreadIndexBits) - 1;
/// As lib/engine/tickets.ts has it.
constexpr std::int32_t kGrantedElsewhere = -2;

struct BoundLines {
  BoundLines(std::shared_ptr<BoundCore> core, const void* root, Word* tickets, Napi::Object memory)
      : bound(std::move(core)), root(root), lines(root, tickets), memory(Napi::Persistent(memory)) {}
  ~BoundLines() { stopListening(); }
  BoundLines(const BoundLines&) = delete;
  BoundLines& operator=(const BoundLines&) = delete;

  void stopListening() noexcept {
    if (std::exchange(isListening, false)) Notifiers::close(root, bound->core.thread());
  }
  /// Calls the event loop of a token's thread.
  void call(Word token) const noexcept {
    const Word thread = token & kThreadMask;
    if (thread != 0) Notifiers::notify(root, thread - 1);
  }

  std::shared_ptr<BoundCore> bound;
  const void* root;
  WaitingLines lines;
  Napi::ObjectReference memory;
  bool isListening = false;
};

} // namespace

Napi::Value openLines(const std::shared_ptr<BoundCore>& bound, const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Word* const tickets =
      elements<Word>(info[0], napi_int32_array, std::size_t{kTickets} * ticket::kWords, "tickets");
  const auto lines =
      std::make_shared<BoundLines>(bound, bound->core.root(), tickets, info[0].As<Napi::Object>());
  auto functions = Napi::Object::New(env);
  const auto set = [&](const char* name, auto function) {
    functions.Set(name, Napi::Function::New(env, function, name));
  };
  set("join", [lines](const Napi::CallbackInfo& call) {
    const auto service = index(call[0], lines->bound->core.serviceCount(), "service");
    const auto tier = index(call[1], sizes::kTiers, "tier");
    return Napi::Boolean::New(call.Env(),
                              lines->lines.join(service, tier, index(call[2], kTickets, "ticket")));
  });
  set("grantNext", [lines](const Napi::CallbackInfo& call) {
    const Core& core = lines->bound->core;
    const auto service = index(call[0], core.serviceCount(), "service");
    const auto ticks = call[1].ToNumber().Int32Value();
    const Grant grant = lines->lines.grantNext(service, core.record(service), ticks);
    if (grant.ticket == Grant::kNone || (grant.owner & kThreadMask) == core.thread() + 1)
      return Napi::Number::New(call.Env(), grant.ticket);
    lines->call(grant.owner);
    return Napi::Number::New(call.Env(), kGrantedElsewhere);
  });
  set("length", [lines](const Napi::CallbackInfo& call) {
    const auto service = index(call[0], lines->bound->core.serviceCount(), "service");
    return Napi::Number::New(call.Env(), lines->lines.length(service, index(call[1], sizes::kTiers, "tier")));
  });
  set("listen", [lines](const Napi::CallbackInfo& call) {
    if (!call[0].IsFunction()) throw Napi::TypeError::New(call.Env(), "onCall is not a function");
    Notifiers::open(call.Env(), lines->root, lines->bound->core.thread(), call[0].As<Napi::Function>());
    lines->isListening = true;
  });
  set("close", [lines](const Napi::CallbackInfo&) { lines->stopListening(); });
  set("call", [lines](const Napi::CallbackInfo& call) {
    lines->call(static_cast<Word>(call[0].ToNumber().Int32Value()));
  });
  return functions;
}

} // namespace fairlead::binding
