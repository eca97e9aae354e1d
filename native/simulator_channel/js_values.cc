// SPDX-License-Identifier: MIT

#include "native/simulator_channel/js_values.h"

#include <cstring>

namespace cmbridge {
namespace {

void throwTypeError(const Napi::Value &value, const char *message) {
    Napi::TypeError::New(value.Env(), message).ThrowAsJavaScriptException();
}

// Not for values that are no objects: false, and a JavaScript exception.
bool isObject(const Napi::Value &value, const char *message) {
    if (!value.IsObject()) {
        throwTypeError(value, message);
        return false;
    }
    return true;
}

template <typename Field> void member(const Napi::Value &object, const char *name, Field &result) {
    fromValue(object.As<Napi::Object>().Get(name), result);
}

Napi::Object statusObject(Napi::Env env, NtStatus status) {
    Napi::Object object = Napi::Object::New(env);
    object.Set("status", toValue(env, status));
    return object;
}

} // namespace

void fromValue(const Napi::Value &value, registry::Handle &result) {
    result = static_cast<registry::Handle>(value.ToNumber().Int64Value());
}

void fromValue(const Napi::Value &value, uint32_t &result) {
    result = value.ToNumber().Uint32Value();
}

void fromValue(const Napi::Value &value, NtStatus &result) {
    result = value.IsUndefined() ? 0 : static_cast<NtStatus>(value.ToNumber().Uint32Value());
}

void fromValue(const Napi::Value &value, std::u16string &result) {
    result = value.ToString().Utf16Value();
}

void fromValue(const Napi::Value &value, registry::Bytes &result) {
    if (!value.IsTypedArray()) {
        throwTypeError(value, "data must be a Uint8Array");
        return;
    }
    auto view = value.As<Napi::TypedArray>();
    const auto *first = static_cast<const std::byte *>(view.ArrayBuffer().Data()) + view.ByteOffset();
    result.assign(first, first + view.ByteLength());
}

void fromValue(const Napi::Value &value, std::vector<std::u16string> &result) {
    if (!value.IsArray()) {
        throwTypeError(value, "names must be an array");
        return;
    }
    auto array = value.As<Napi::Array>();
    for (uint32_t i = 0; i < array.Length(); i++) {
        result.push_back(fromValue<std::u16string>(array.Get(i)));
    }
}

void fromValue(const Napi::Value &value, registry::Hostility &result) {
    constexpr const char *expected = "hostility must be { kind: 'vanish' | 'change', after }";
    if (!isObject(value, expected)) {
        return;
    }
    auto kind = fromValue<std::u16string>(value.As<Napi::Object>().Get("kind"));
    if (kind != u"vanish" && kind != u"change") {
        throwTypeError(value, expected);
        return;
    }
    result.kind = kind == u"vanish" ? registry::Hostility::Kind::Vanish : registry::Hostility::Kind::Change;
    member(value, "after", result.after);
}

void fromValue(const Napi::Value &value, simulator::TokenOptions &result) {
    if (!isObject(value, "a token must be { userSid, integrityLevel, elevated, sessionId }")) {
        return;
    }
    auto token = value.As<Napi::Object>();
    result.userSid = token.Get("userSid").ToString().Utf8Value();
    member(token, "integrityLevel", result.integrityLevel);
    result.elevated = token.Get("elevated").ToBoolean();
    member(token, "sessionId", result.sessionId);
}

void fromValue(const Napi::Value &value, simulator::ProcessOptions &result) {
    if (!isObject(value, "createProcess(options)")) {
        return;
    }
    fromValue(value, result.token);
    member(value, "imagePath", result.imagePath);
    member(value, "commandLine", result.commandLine);
    member(value, "parentId", result.parentId);
    result.wow64 = value.As<Napi::Object>().Get("wow64").ToBoolean();
    member(value, "id", result.id);
}

Napi::Value toValue(Napi::Env env, NtStatus status) {
    return Napi::Number::New(env, static_cast<uint32_t>(status));
}

Napi::Value toValue(Napi::Env env, const registry::HandleResult &result) {
    Napi::Object object = statusObject(env, result.status);
    object.Set("handle", static_cast<double>(result.handle));
    return object;
}

Napi::Value toValue(Napi::Env env, const registry::KeyResult &result) {
    Napi::Object object = statusObject(env, result.status);
    object.Set("handle", static_cast<double>(result.handle));
    object.Set("disposition", result.disposition);
    return object;
}

Napi::Value toValue(Napi::Env env, const registry::QueryResult &result) {
    Napi::Uint8Array data = Napi::Uint8Array::New(env, result.data.size());
    if (!result.data.empty() && !env.IsExceptionPending()) {
        std::memcpy(data.Data(), result.data.data(), result.data.size());
    }
    Napi::Object object = statusObject(env, result.status);
    object.Set("data", data);
    object.Set("length", result.length);
    if (result.touches) {
        object.Set("touches", *result.touches);
    }
    return object;
}

} // namespace cmbridge
