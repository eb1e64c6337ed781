#include "bells.hpp"

#include <map>
#include <memory>
#include <mutex>
#include <utility>

namespace fairlead::binding {

namespace {

using Key = std::pair<const void*, std::uint32_t>;

struct Bell {
  Key key;
  napi_env env = nullptr;
  napi_threadsafe_function function = nullptr;
};

std::mutex mutex;
/// Guarded by `mutex`. A bell is in here exactly as long as its function may be called.
std::map<Key, std::unique_ptr<Bell>>& bells() {
  // Never destroyed: threads may still ring while the process ends.
  static auto* const all = new std::map<Key, std::unique_ptr<Bell>>();
  return *all;
}

std::unique_ptr<Bell> takeOut(const Key& key) noexcept {
  const std::lock_guard lock(mutex);
  const auto found = bells().find(key);
  if (found == bells().end()) return nullptr;
  auto bell = std::move(found->second);
  bells().erase(found);
  return bell;
}

/// The environment ends. Its own clean-up of the function comes after this one, since the function was made before the
/// hook; nobody calls it any more by then.
void endsWithEnvironment(void* data) {
  const Key key = static_cast<Bell*>(data)->key;
  takeOut(key);
}

void callInLoop(napi_env env, napi_value onRing, void*, void*) {
  // Null while the environment ends.
  if (env == nullptr) return;
  napi_value undefined = nullptr;
  napi_get_undefined(env, &undefined);
  napi_call_function(env, undefined, onRing, 0, nullptr, nullptr);
}

} // namespace

void Bells::open(Napi::Env env, const void* memory, std::uint32_t waiter, Napi::Function onRing) {
  auto bell = std::make_unique<Bell>();
  bell->key = {memory, waiter};
  bell->env = env;
  const napi_value name = Napi::String::New(env, "fairlead queue");
  if (napi_create_threadsafe_function(env, onRing, nullptr, name, 0, 1, nullptr, nullptr, nullptr, callInLoop,
                                      &bell->function) != napi_ok ||
      napi_unref_threadsafe_function(env, bell->function) != napi_ok) {
    throw Napi::Error::New(env);
  }
  Bell* const opened = bell.get();
  {
    const std::lock_guard lock(mutex);
    if (!bells().try_emplace(opened->key, std::move(bell)).second) {
      napi_release_threadsafe_function(opened->function, napi_tsfn_release);
      throw Napi::Error::New(env, "this waiter has a bell already");
    }
  }
  napi_add_env_cleanup_hook(env, endsWithEnvironment, opened);
}

void Bells::close(const void* memory, std::uint32_t waiter) noexcept {
  const auto bell = takeOut({memory, waiter});
  if (bell == nullptr) return;
  napi_remove_env_cleanup_hook(bell->env, endsWithEnvironment, bell.get());
  napi_release_threadsafe_function(bell->function, napi_tsfn_release);
}

void Bells::ring(const void* memory, std::uint32_t waiter) noexcept {
  const std::lock_guard lock(mutex);
  const auto found = bells().find({memory, waiter});
  if (found != bells().end())
    napi_call_threadsafe_function(found->second->function, nullptr, napi_tsfn_nonblocking);
}

} // namespace fairlead::binding
