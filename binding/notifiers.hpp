// How any thread calls the event loop of another one.
#pragma once

#include <napi.h>

#include <cstdint>

namespace fairlead::binding {

/// The event loops of the process that can be called, by what they wait at: the memory of a queue, and a waiter's number
/// in it. The lock is taken when a notifier is opened, closed or notified, so never while nobody sleeps.
class Notifiers {
 public:
  /// Calls of `notify` from now on end up in `onNotify`, in the event loop of `env`, which they do not keep alive. Several that
  /// come before the first was taken up may become one. Ends with `close`, or with the environment, however that ends.
  /// Throws a Napi::Error.
  static void open(Napi::Env env, const void* memory, std::uint32_t waiter, Napi::Function onNotify);
  static void close(const void* memory, std::uint32_t waiter) noexcept;
  /// From any thread. Does nothing where no such notifier is open.
  static void notify(const void* memory, std::uint32_t waiter) noexcept;
};

} // namespace fairlead::binding
