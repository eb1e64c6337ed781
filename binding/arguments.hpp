// Checked arguments. A wrong one throws a TypeError or RangeError that says what was expected.
#pragma once

#include <napi.h>

#include <cstddef>
#include <cstdint>
#include <string>

namespace fairlead::binding {

/// The elements of a typed array of the given element type, at least `minimum` of them, 8-byte aligned. Works over a
/// SharedArrayBuffer, whose buffer itself Node-API of Node 20 would not take. Valid while the array is referenced.
template <typename T>
T* elements(Napi::Value value, napi_typedarray_type expected, std::size_t minimum, const char* name,
            std::size_t* length = nullptr) {
  constexpr std::size_t kAlignment = 8;
  napi_typedarray_type type{};
  std::size_t count = 0;
  void* data = nullptr;
  if (!value.IsTypedArray() ||
      napi_get_typedarray_info(value.Env(), value, &type, &count, &data, nullptr, nullptr) != napi_ok ||
      type != expected) {
    throw Napi::TypeError::New(value.Env(), std::string(name) + " is not a typed array of the expected type");
  }
  if (count < minimum) {
    throw Napi::RangeError::New(value.Env(), std::string(name) + " has " + std::to_string(count) +
                                                 " elements, fewer than the " + std::to_string(minimum) +
                                                 " of its layout");
  }
  if (minimum > 0 && reinterpret_cast<std::uintptr_t>(data) % kAlignment != 0) {
    throw Napi::RangeError::New(value.Env(), std::string(name) + " is not 8-byte aligned");
  }
  if (length != nullptr) *length = count;
  return static_cast<T*>(data);
}

/// A whole number from 0 to `limit` - 1.
inline std::uint32_t index(Napi::Value value, std::uint32_t limit, const char* name) {
  const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : -1;
  if (!(number >= 0 && number < limit) || number != static_cast<std::uint32_t>(number)) {
    throw Napi::RangeError::New(value.Env(), std::string(name) + " is not a whole number from 0 to " +
                                                 std::to_string(std::int64_t{limit} - 1));
  }
  return static_cast<std::uint32_t>(number);
}

} // namespace fairlead::binding
