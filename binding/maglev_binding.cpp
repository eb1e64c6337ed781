#include <napi.h>

#include <cmath>
#include <memory>
#include <numeric>
#include <utility>
#include <vector>

#include "../src/maglev.hpp"
#include "arguments.hpp"
#include "registration.hpp"

namespace fairlead::binding {

namespace {

constexpr std::uint32_t kLargestTable = 1u << 26;
constexpr std::uint32_t kLargestCount = 1u << 21;

/// The builder, and the typed array that it fills.
struct BoundMaglev {
  MaglevBuilder builder;
  Napi::ObjectReference table;
};

template <typename T>
std::vector<T> copied(Napi::Value value, napi_typedarray_type type, std::size_t count, const char* name) {
  const T* first = elements<T>(value, type, count, name);
  return std::vector<T>(first, first + count);
}

/// What would make the builder run for ever or write outside of the table is refused here.
void refuseFaulty(Napi::Env env, const MaglevSpec& spec) {
  double largest = 0;
  for (std::size_t i = 0; i < spec.offsets.size(); ++i) {
    if (spec.offsets[i] >= spec.size) throw Napi::RangeError::New(env, "an offset is not below the size");
    if (spec.skips[i] == 0 || spec.skips[i] >= spec.size || std::gcd(spec.skips[i], spec.size) != 1)
      throw Napi::RangeError::New(env, "a skip is not coprime to the size and below it");
    if (!(spec.shares[i] > 0 && spec.shares[i] <= 1))
      throw Napi::RangeError::New(env, "a share is not more than 0 and at most 1");
    largest = std::fmax(largest, spec.shares[i]);
  }
  if (largest != 1) throw Napi::RangeError::New(env, "no share is 1");
}

Napi::Value createMaglev(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  MaglevSpec spec{};
  spec.size = index(info[0], kLargestTable, "size");
  std::size_t count = 0;
  elements<std::uint32_t>(info[1], napi_uint32_array, 0, "offsets", &count);
  if (spec.size < 2 || count == 0 || count >= kLargestCount)
    throw Napi::RangeError::New(env, "a table has 2 slots or more, for 1 to 2^21 endpoints");
  spec.offsets = copied<std::uint32_t>(info[1], napi_uint32_array, count, "offsets");
  spec.skips = copied<std::uint32_t>(info[2], napi_uint32_array, count, "skips");
  spec.shares = copied<double>(info[3], napi_float64_array, count, "shares");
  spec.names = copied<std::uint32_t>(info[4], napi_uint32_array, count, "names");
  refuseFaulty(env, spec);
  auto* table = elements<std::uint32_t>(info[5], napi_uint32_array, spec.size, "table");
  auto bound = std::make_shared<BoundMaglev>(
      BoundMaglev{MaglevBuilder(std::move(spec), table), Napi::Persistent(info[5].As<Napi::Object>())});
  return Napi::Function::New(
      env,
      [bound](const Napi::CallbackInfo& call) -> Napi::Value {
        const std::uint32_t turns = index(call[0], UINT32_MAX, "turns");
        return Napi::Boolean::New(call.Env(), bound->builder.advance(turns));
      },
      "advance");
}

} // namespace

} // namespace fairlead::binding

void registerMaglev(Napi::Env env, Napi::Object exports) {
  exports.Set("createMaglev", Napi::Function::New(env, fairlead::binding::createMaglev, "createMaglev"));
}
