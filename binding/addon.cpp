#include <napi.h>

#include <boost/version.hpp>

#include "../src/layout.hpp"
#include "registration.hpp"

// Runs once in each thread that loads the addon. There is no state outside the environments' own objects.
static Napi::Object init(Napi::Env env, Napi::Object exports) {
  exports.Set("layoutVersion", Napi::Number::New(env, fairlead::layout::kVersion));
  exports.Set("layoutFingerprint", Napi::Number::New(env, fairlead::layout::kFingerprint));
  exports.Set("boostVersion", Napi::String::New(env, BOOST_LIB_VERSION));
  exports.Set("compiler", Napi::String::New(env, __VERSION__));
  registerCore(env, exports);
  registerQueue(env, exports);
  registerMaglev(env, exports);
  return exports;
}

NODE_API_MODULE(fairlead, init)
