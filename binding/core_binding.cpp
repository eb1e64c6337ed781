#include "core_binding.hpp"

#include <string>
#include <utility>

#include "arguments.hpp"
#include "registration.hpp"

namespace fairlead::binding {

namespace {

using Bound = std::shared_ptr<BoundCore>;

constexpr std::uint32_t kLargestSlotCount =
    1u << 21; // positions are drawn by one multiplication of 32 random bits
constexpr std::uint32_t kLargestMaxThreads = 1u << 16;
constexpr std::uint32_t kLargestServiceCount = 1u << 20;

// The hot functions are raw callbacks with a data pointer: 13 ns a call, about half of what node-addon-api's wrappers
// take. None of them throws, allocates or takes an argument; native.ts checks the slot first and says what is wrong
// with it, the checks here only keep the memory safe.

template <typename T>
T& dataOf(napi_env env, napi_callback_info info) {
  void* data = nullptr;
  napi_get_cb_info(env, info, nullptr, nullptr, nullptr, &data);
  return *static_cast<T*>(data);
}

/// The slot picked, or -1.
napi_value pick(napi_env env, napi_callback_info info) noexcept {
  auto& [bound, picker] = dataOf<BoundPicker>(env, info);
  Scratch& scratch = *bound->scratch;
  scratch.slot = bound->disposed ? Picker::kNone : picker.pick(bound->core, scratch.startedAt);
  return nullptr;
}

/// The slot becomes -1 where it was not reserved.
napi_value reserve(napi_env env, napi_callback_info info) noexcept {
  BoundCore& bound = *dataOf<Bound>(env, info);
  Scratch& scratch = *bound.scratch;
  const auto slot = static_cast<std::uint32_t>(scratch.slot);
  const double now = bound.core.now();
  if (slot < bound.core.slotCount() && bound.core.take(slot, Core::ticksOf(now))) {
    scratch.startedAt = now;
  } else {
    scratch.slot = Picker::kNone;
  }
  return nullptr;
}

napi_value end(napi_env env, napi_callback_info info) noexcept {
  BoundCore& bound = *dataOf<Bound>(env, info);
  Scratch& scratch = *bound.scratch;
  const auto slot = static_cast<std::uint32_t>(scratch.slot);
  if (slot < bound.core.slotCount())
    bound.core.end(slot, scratch.endStartedAt, scratch.outcome, scratch.endLatencyMs);
  scratch.endStartedAt = bound.core.endedAt();
  return nullptr;
}

napi_value answer(napi_env env, napi_callback_info info) noexcept {
  BoundCore& bound = *dataOf<Bound>(env, info);
  Scratch& scratch = *bound.scratch;
  const auto slot = static_cast<std::uint32_t>(scratch.slot);
  if (slot < bound.core.slotCount())
    bound.core.answer(slot, scratch.endStartedAt, scratch.outcome, scratch.endLatencyMs);
  scratch.endStartedAt = bound.core.endedAt();
  return nullptr;
}

/// The outcome is 1 where the body broke.
napi_value close(napi_env env, napi_callback_info info) noexcept {
  BoundCore& bound = *dataOf<Bound>(env, info);
  const Scratch& scratch = *bound.scratch;
  const auto slot = static_cast<std::uint32_t>(scratch.slot);
  if (slot < bound.core.slotCount()) bound.core.close(slot, scratch.outcome == 1);
  return nullptr;
}

/// A function that owns `data` and frees it when it is collected itself.
template <typename T>
Napi::Function ownedFunction(Napi::Env env, const char* name, napi_callback callback,
                             std::unique_ptr<T> data) {
  napi_value function = nullptr;
  if (napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, data.get(), &function) != napi_ok)
    throw Napi::Error::New(env);
  const auto free = [](napi_env, void* owned, void*) { delete static_cast<T*>(owned); };
  if (napi_add_finalizer(env, function, data.get(), free, nullptr, nullptr) != napi_ok)
    throw Napi::Error::New(env);
  static_cast<void>(data.release()); // the finalizer's now
  return {env, function};
}

/// (cells, contributions, histograms): the next segment.
void addSegment(BoundCore& bound, const Napi::CallbackInfo& info, Word maxThreads) {
  if (bound.disposed) throw Napi::Error::New(info.Env(), "this core was disposed of");
  if (bound.core.slotCount() >= kLargestSlotCount)
    throw Napi::RangeError::New(info.Env(), "the block holds no more slots");
  Word* cells = elements<Word>(info[0], napi_int32_array, kCellWords, "cells");
  Word* contributions = elements<Word>(info[1], napi_int32_array, kColumnWords * maxThreads, "contributions");
  Word* histograms = elements<Word>(info[2], napi_int32_array, kHistogramWords, "histograms");
  for (std::size_t i = 0; i < 3; ++i) bound.segments.push_back(Napi::Persistent(info[i].As<Napi::Object>()));
  bound.core.addSegment(cells, contributions, histograms);
}

/// (words): the next service segment.
void addServices(BoundCore& bound, const Napi::CallbackInfo& info, Word maxThreads) {
  if (bound.disposed) throw Napi::Error::New(info.Env(), "this core was disposed of");
  if (bound.core.serviceCount() >= kLargestServiceCount)
    throw Napi::RangeError::New(info.Env(), "the block holds no more services");
  Word* words = elements<Word>(info[0], napi_int32_array, serviceSegmentWords(maxThreads), "services");
  bound.segments.push_back(Napi::Persistent(info[0].As<Napi::Object>()));
  bound.core.addServices(words);
}

/// (distributor, metric, service, slots, thresholds, aliases) => () => slot
Napi::Value createPicker(const Bound& bound, const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  PickerSpec spec{};
  spec.distributor = index(info[0], layout::distributor::kTwoChoices + 1, "distributor");
  spec.metric = index(info[1], layout::metric::kLatency + 1, "metric");
  spec.service = index(info[2], bound->core.serviceCount(), "service");
  std::size_t length = 0;
  const auto* slots = elements<std::uint32_t>(info[3], napi_uint32_array, 0, "slots", &length);
  spec.slots.assign(slots, slots + length);
  if (length >= kLargestSlotCount) throw Napi::RangeError::New(env, "slots has 2^21 elements or more");
  for (const std::uint32_t slot : spec.slots) {
    if (slot >= bound->core.slotCount()) {
      throw Napi::RangeError::New(env, "slots names " + std::to_string(slot) +
                                           ", but this core knows the slots below " +
                                           std::to_string(bound->core.slotCount()));
    }
  }
  std::size_t thresholds = 0;
  std::size_t aliases = 0;
  const auto* threshold = elements<std::uint32_t>(info[4], napi_uint32_array, 0, "thresholds", &thresholds);
  const auto* alias = elements<std::uint32_t>(info[5], napi_uint32_array, 0, "aliases", &aliases);
  if (thresholds != aliases || (thresholds != 0 && thresholds != length))
    throw Napi::RangeError::New(env, "thresholds and aliases are as many as slots, or none");
  spec.draw.thresholds.assign(threshold, threshold + thresholds);
  spec.draw.aliases.assign(alias, alias + aliases);
  for (const std::uint32_t position : spec.draw.aliases) {
    if (position >= length) throw Napi::RangeError::New(env, "aliases names a position that slots has not");
  }
  const std::uint32_t turn = thresholds == 0 ? 0 : bound->core.random();
  return ownedFunction(env, "pick", pick,
                       std::unique_ptr<BoundPicker>(new BoundPicker{bound, Picker(std::move(spec), turn)}));
}

} // namespace

void BoundCore::dispose() {
  disposed = true;
  core.removeSegments();
  segments.clear();
}

Napi::Value createCore(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Word* root = elements<Word>(info[0], napi_int32_array, layout::header::kWords, "root");
  const Word maxThreads = root[layout::header::kMaxThreads];
  if (root[layout::header::kFingerprint] != layout::kFingerprint || maxThreads > kLargestMaxThreads) {
    throw Napi::RangeError::New(env, "root is not a root segment of this layout");
  }
  elements<Word>(info[0], napi_int32_array, rootWords(maxThreads), "root");
  const std::uint32_t thread = index(info[1], maxThreads, "thread");
  auto* scratch = elements<Scratch>(info[2], napi_float64_array, kScratchDoubles, "scratch");
  auto bound = std::make_shared<BoundCore>(root, thread, scratch);
  bound->base.push_back(Napi::Persistent(info[0].As<Napi::Object>()));
  bound->base.push_back(Napi::Persistent(info[2].As<Napi::Object>()));

  auto functions = Napi::Object::New(env);
  const auto hot = [&](const char* name, napi_callback callback) {
    functions.Set(name, ownedFunction(env, name, callback, std::make_unique<Bound>(bound)));
  };
  hot("reserve", reserve);
  hot("end", end);
  hot("answer", answer);
  hot("close", close);
  functions.Set("addServices", Napi::Function::New(env, [bound, maxThreads](const Napi::CallbackInfo& call) {
                  addServices(*bound, call, maxThreads);
                }));
  functions.Set("addSegment", Napi::Function::New(env, [bound, maxThreads](const Napi::CallbackInfo& call) {
                  addSegment(*bound, call, maxThreads);
                }));
  functions.Set("picker", Napi::Function::New(env, [bound](const Napi::CallbackInfo& call) {
                  return createPicker(bound, call);
                }));
  functions.Set("reclaim", Napi::Function::New(env, [bound, maxThreads](const Napi::CallbackInfo& call) {
                  bound->core.reclaim(index(call[0], maxThreads, "thread"));
                }));
  functions.Set("openLines", Napi::Function::New(env, [bound](const Napi::CallbackInfo& call) {
                  return openLines(bound, call);
                }));
  functions.Set("dispose",
                Napi::Function::New(env, [bound](const Napi::CallbackInfo&) { bound->dispose(); }));
  return functions;
}

} // namespace fairlead::binding

void registerCore(Napi::Env env, Napi::Object exports) {
  exports.Set("createCore", Napi::Function::New(env, fairlead::binding::createCore, "createCore"));
}
