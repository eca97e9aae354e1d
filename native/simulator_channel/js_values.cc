// SPDX-License-Identifier: MIT
//
// Reads arguments of known types from JavaScript, and makes result objects of statuses, handles and answers.

#include "native/simulator_channel/js_values.h"

#include <algorithm>

namespace cmbridge {
namespace {

// `message` says what is expected.
Napi::Object objectOf(const Napi::Value &value, const char *message) {
    if (!value.IsObject()) {
        throw Napi::TypeError::New(value.Env(), message);
    }
    return value.As<Napi::Object>();
}

template <typename Field> void member(const Napi::Object &object, const char *name, Field &result) {
    fromValue(object.Get(name), result);
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
        throw Napi::TypeError::New(value.Env(), "data must be a Uint8Array");
    }
    auto view = value.As<Napi::TypedArray>();
    const auto *first = static_cast<const std::byte *>(view.ArrayBuffer().Data()) + view.ByteOffset();
    result.assign(first, first + view.ByteLength());
}

void fromValue(const Napi::Value &value, std::vector<std::u16string> &result) {
    if (!value.IsArray()) {
        throw Napi::TypeError::New(value.Env(), "names must be an array");
    }
    auto array = value.As<Napi::Array>();
    for (uint32_t i = 0; i < array.Length(); i++) {
        result.push_back(fromValue<std::u16string>(array.Get(i)));
    }
}

void fromValue(const Napi::Value &value, registry::Hostility &result) {
    constexpr const char *expected = "hostility must be { kind: 'vanish' | 'change', after }";
    Napi::Object hostility = objectOf(value, expected);
    auto kind = fromValue<std::u16string>(hostility.Get("kind"));
    if (kind != u"vanish" && kind != u"change") {
        throw Napi::TypeError::New(value.Env(), expected);
    }
    result.kind = kind == u"vanish" ? registry::Hostility::Kind::Vanish : registry::Hostility::Kind::Change;
    member(hostility, "after", result.after);
}

void fromValue(const Napi::Value &value, simulator::TokenOptions &result) {
    Napi::Object token = objectOf(value, "a token must be { userSid, integrityLevel, elevated, sessionId }");
    result.userSid = token.Get("userSid").ToString().Utf8Value();
    member(token, "integrityLevel", result.integrityLevel);
    result.elevated = token.Get("elevated").ToBoolean();
    member(token, "sessionId", result.sessionId);
}

void fromValue(const Napi::Value &value, simulator::ProcessOptions &result) {
    Napi::Object options = objectOf(value, "createProcess(options)");
    fromValue(options, result.token);
    member(options, "imagePath", result.imagePath);
    member(options, "commandLine", result.commandLine);
    member(options, "parentId", result.parentId);
    result.wow64 = options.Get("wow64").ToBoolean();
    member(options, "id", result.id);
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
    std::ranges::copy(result.data, reinterpret_cast<std::byte *>(data.Data()));
    Napi::Object object = statusObject(env, result.status);
    object.Set("data", data);
    object.Set("length", result.length);
    if (result.touches) {
        object.Set("touches", *result.touches);
    }
    return object;
}

} // namespace cmbridge
