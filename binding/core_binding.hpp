// One thread's core as JavaScript holds it: a set of functions, each of which keeps the core and its memory alive.
#pragma once

#include <napi.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "../src/core.hpp"
#include "../src/picker.hpp"

namespace fairlead::binding {

/// Through which the hot functions take and give: a number passed as an argument of a Node-API call costs 5 ns to take
/// apart, one left in memory that both sides know 1 ns. lib/engine/native/core.ts has the same as a Float64Array of SIZE.
struct Scratch {
  /// Time of the last reservation, ms.
  double startedAt;
  /// What `end` gives back: time of its reservation, and its latency as in Core::end. Afterwards the first is `endedAt`.
  double endStartedAt;
  double endLatencyMs;
  /// The slot picked, or to reserve or to end.
  std::int32_t slot;
  std::uint32_t outcome;
};
inline constexpr std::size_t kScratchDoubles = sizeof(Scratch) / sizeof(double);
static_assert(kScratchDoubles == 4 && offsetof(Scratch, slot) == 24 && offsetof(Scratch, outcome) == 28);

/// A core and what it stands on. Shared by its functions; freed when the garbage collector has taken the last of them,
/// or its environment ends. All of that, and every call, happens on the environment's own thread.
struct BoundCore {
  BoundCore(Word* root, std::uint32_t thread, Scratch* scratch) : core(root, thread), scratch(scratch) {}

  /// After it no slot is known: reservations fail, ends are ignored, pickers find nothing.
  void dispose();

  Core core;
  Scratch* scratch;
  bool disposed = false;
  /// The typed arrays under the scratch and the root segment, then those under the other segments.
  std::vector<Napi::ObjectReference> base;
  std::vector<Napi::ObjectReference> segments;
};

/// openLines(tickets: Int32Array): NativeLineFunctions, see lib/engine/native/addon.ts.
Napi::Value openLines(const std::shared_ptr<BoundCore>& bound, const Napi::CallbackInfo& info);

/// A picker's function owns one of these.
struct BoundPicker {
  std::shared_ptr<BoundCore> bound;
  Picker picker;
};

/// createCore(root: Int32Array, thread: number, scratch: Float64Array): NativeCoreFunctions, see lib/engine/native/addon.ts.
Napi::Value createCore(const Napi::CallbackInfo& info);

} // namespace fairlead::binding
