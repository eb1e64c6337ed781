#include "notifiers.hpp"

#include <map>
#include <memory>
#include <mutex>
#include <utility>

namespace fairlead::binding {

namespace {

using Key = std::pair<const void*, std::uint32_t>;

struct Notifier {
  Key key;
  napi_env env = nullptr;
  napi_threadsafe_function function = nullptr;
};

std::mutex mutex;
/// Guarded by `mutex`. A notifier is in here exactly as long as its function may be called.
std::map<Key, std::unique_ptr<Notifier>>& notifiers() {
  // Never destroyed: threads may still notify while the process ends.
  static auto* const all = new std::map<Key, std::unique_ptr<Notifier>>();
  return *all;
}

std::unique_ptr<Notifier> takeOut(const Key& key) noexcept {
  const std::lock_guard lock(mutex);
  const auto found = notifiers().find(key);
  if (found == notifiers().end()) return nullptr;
  auto notifier = std::move(found->second);
  notifiers().erase(found);
  return notifier;
}

/// The environment ends. Its own clean-up of the function comes after this one, since the function was made before the
/// hook; nobody calls it any more by then.
void endsWithEnvironment(void* data) {
  const Key key = static_cast<Notifier*>(data)->key;
  takeOut(key);
}

void callInLoop(napi_env env, napi_value onNotify, void*, void*) {
  // Null while the environment ends.
  if (env == nullptr) return;
  napi_value undefined = nullptr;
  napi_get_undefined(env, &undefined);
  napi_call_function(env, undefined, onNotify, 0, nullptr, nullptr);
}

} // namespace

void Notifiers::open(Napi::Env env, const void* memory, std::uint32_t waiter, Napi::Function onNotify) {
  auto notifier = std::make_unique<Notifier>();
  notifier->key = {memory, waiter};
  notifier->env = env;
  const napi_value name = Napi::String::New(env, "fairlead queue");
  if (napi_create_threadsafe_function(env, onNotify, nullptr, name, 0, 1, nullptr, nullptr, nullptr,
                                      callInLoop, &notifier->function) != napi_ok ||
      napi_unref_threadsafe_function(env, notifier->function) != napi_ok) {
    throw Napi::Error::New(env);
  }
  Notifier* const opened = notifier.get();
  {
    const std::lock_guard lock(mutex);
    if (!notifiers().try_emplace(opened->key, std::move(notifier)).second) {
      napi_release_threadsafe_function(opened->function, napi_tsfn_release);
      throw Napi::Error::New(env, "this waiter has a notifier already");
    }
  }
  napi_add_env_cleanup_hook(env, endsWithEnvironment, opened);
}

void Notifiers::close(const void* memory, std::uint32_t waiter) noexcept {
  const auto notifier = takeOut({memory, waiter});
  if (notifier == nullptr) return;
  napi_remove_env_cleanup_hook(notifier->env, endsWithEnvironment, notifier.get());
  napi_release_threadsafe_function(notifier->function, napi_tsfn_release);
}

void Notifiers::notify(const void* memory, std::uint32_t waiter) noexcept {
  const std::lock_guard lock(mutex);
  const auto found = notifiers().find({memory, waiter});
  if (found != notifiers().end())
    napi_call_threadsafe_function(found->second->function, nullptr, napi_tsfn_nonblocking);
}

} // namespace fairlead::binding
