// What each part of the binding adds to the addon's exports; addon.cpp calls them once per environment.
#pragma once

#include <napi.h>

/// createCore: see NativeAddon in lib/engine/native/addon.ts.
void registerCore(Napi::Env env, Napi::Object exports);
/// The queues: see binding/queue_binding.cpp.
void registerQueue(Napi::Env env, Napi::Object exports);
/// createMaglev: see NativeMaglev in lib/engine/maglev.ts.
void registerMaglev(Napi::Env env, Napi::Object exports);
