// SPDX-License-Identifier: MIT
//
// Arguments and results of NativeThread and NativeSimulator, between JavaScript and C++.

#ifndef CMBRIDGE_NATIVE_SIMULATOR_CHANNEL_JS_VALUES_H
#define CMBRIDGE_NATIVE_SIMULATOR_CHANNEL_JS_VALUES_H

#include <napi.h>

#include <optional>
#include <string>
#include <vector>

#include "native/simulator/simulator.h"
#include "native/simulator_channel/registry_calls.h"

namespace cmbridge {

// What lib/ has checked; a wrong type still ends in a JavaScript exception, never in a wild read.
void fromValue(const Napi::Value &value, registry::Handle &result);
void fromValue(const Napi::Value &value, uint32_t &result);
void fromValue(const Napi::Value &value, NtStatus &result);
void fromValue(const Napi::Value &value, std::u16string &result);
void fromValue(const Napi::Value &value, registry::Bytes &result);
void fromValue(const Napi::Value &value, std::vector<std::u16string> &result);
void fromValue(const Napi::Value &value, registry::Hostility &result);
void fromValue(const Napi::Value &value, simulator::TokenOptions &result);
void fromValue(const Napi::Value &value, simulator::ProcessOptions &result);

// Null and undefined are nothing.
template <typename Value> void fromValue(const Napi::Value &value, std::optional<Value> &result) {
    result.reset();
    if (!value.IsNull() && !value.IsUndefined()) {
        fromValue(value, result.emplace());
    }
}

template <typename Value> Value fromValue(const Napi::Value &value) {
    Value result{};
    fromValue(value, result);
    return result;
}

Napi::Value toValue(Napi::Env env, NtStatus status);
Napi::Value toValue(Napi::Env env, const registry::HandleResult &result);
Napi::Value toValue(Napi::Env env, const registry::KeyResult &result);
Napi::Value toValue(Napi::Env env, const registry::QueryResult &result);

} // namespace cmbridge

#endif
