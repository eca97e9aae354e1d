// SPDX-License-Identifier: MIT
//
// Values and keys below HKEY_LOCAL_MACHINE, in the view that 64-bit programs have.

#include <vector>

#include "native/service/machine.h"
#include "native/service/windows_error.h"

namespace cmbridge {
namespace {

class UniqueKey {
  public:
    UniqueKey() = default;
    ~UniqueKey() {
        if (key_ != nullptr) {
            RegCloseKey(key_);
        }
    }
    UniqueKey(const UniqueKey &) = delete;
    UniqueKey &operator=(const UniqueKey &) = delete;

    HKEY get() const { return key_; }
    HKEY *out() { return &key_; }

  private:
    HKEY key_ = nullptr;
};

bool isMissing(LSTATUS error) {
    return error == ERROR_FILE_NOT_FOUND || error == ERROR_PATH_NOT_FOUND;
}

LSTATUS open(const Napi::Value &path, REGSAM access, UniqueKey *key) {
    return RegOpenKeyExW(HKEY_LOCAL_MACHINE, wide(path).c_str(), 0, access | KEY_WOW64_64KEY, key->out());
}

void requireStrings(const Napi::CallbackInfo &info, size_t count, const char *usage) {
    for (size_t index = 0; index < count; ++index) {
        if (info.Length() <= index || !info[index].IsString()) {
            throw Napi::TypeError::New(info.Env(), usage);
        }
    }
}

// { type, data }, or null if there is no such value.
Napi::Value readRegistry(const Napi::CallbackInfo &info) {
    Napi::Env env = info.Env();
    requireStrings(info, 2, "readRegistry(key, name)");
    UniqueKey key;
    LSTATUS error = open(info[0], KEY_QUERY_VALUE, &key);
    if (isMissing(error)) {
        return env.Null();
    }
    if (error != ERROR_SUCCESS) {
        throw windowsError(env, *failureOf("RegOpenKeyEx", error));
    }
    std::wstring name = wide(info[1]);
    std::vector<BYTE> data(256);
    DWORD type;
    DWORD size;
    // The value may grow between the question about its size and the read.
    do {
        size = static_cast<DWORD>(data.size());
        error = RegQueryValueExW(key.get(), name.c_str(), nullptr, &type, data.data(), &size);
        if (error == ERROR_MORE_DATA) {
            data.resize(size);
        }
    } while (error == ERROR_MORE_DATA);
    if (isMissing(error)) {
        return env.Null();
    }
    if (error != ERROR_SUCCESS) {
        throw windowsError(env, *failureOf("RegQueryValueEx", error));
    }
    Napi::Object result = Napi::Object::New(env);
    result.Set("type", Napi::Number::New(env, type));
    result.Set("data", Napi::Buffer<uint8_t>::Copy(env, data.data(), size));
    return result;
}

// The names of the keys below one, or null if there is no such key.
Napi::Value registryKeys(const Napi::CallbackInfo &info) {
    Napi::Env env = info.Env();
    requireStrings(info, 1, "registryKeys(key)");
    UniqueKey key;
    LSTATUS error = open(info[0], KEY_ENUMERATE_SUB_KEYS, &key);
    if (isMissing(error)) {
        return env.Null();
    }
    if (error != ERROR_SUCCESS) {
        throw windowsError(env, *failureOf("RegOpenKeyEx", error));
    }
    Napi::Array names = Napi::Array::New(env);
    // A name of a key has 255 characters at most.
    wchar_t name[256];
    for (DWORD index = 0;; ++index) {
        DWORD length = 256;
        error = RegEnumKeyExW(key.get(), index, name, &length, nullptr, nullptr, nullptr, nullptr);
        if (error == ERROR_NO_MORE_ITEMS) {
            return names;
        }
        if (error != ERROR_SUCCESS) {
            throw windowsError(env, *failureOf("RegEnumKeyEx", error));
        }
        names.Set(index, text(env, std::wstring(name, length)));
    }
}

// Makes the key, too, if it is not there.
Napi::Value writeRegistry(const Napi::CallbackInfo &info) {
    Napi::Env env = info.Env();
    requireStrings(info, 2, "writeRegistry(key, name, type, data)");
    if (info.Length() < 4 || !info[2].IsNumber() || !info[3].IsTypedArray()) {
        throw Napi::TypeError::New(env, "writeRegistry(key, name, type, data)");
    }
    auto data = info[3].As<Napi::Uint8Array>();
    UniqueKey key;
    LSTATUS error = RegCreateKeyExW(HKEY_LOCAL_MACHINE, wide(info[0]).c_str(), 0, nullptr, 0,
                                    KEY_SET_VALUE | KEY_WOW64_64KEY, nullptr, key.out(), nullptr);
    if (error != ERROR_SUCCESS) {
        throw windowsError(env, *failureOf("RegCreateKeyEx", error));
    }
    error = RegSetValueExW(key.get(), wide(info[1]).c_str(), 0, info[2].As<Napi::Number>().Uint32Value(), data.Data(),
                           static_cast<DWORD>(data.ByteLength()));
    if (error != ERROR_SUCCESS) {
        throw windowsError(env, *failureOf("RegSetValueEx", error));
    }
    return env.Undefined();
}

} // namespace

void addRegistryFunctions(Napi::Object object) {
    Napi::Env env = object.Env();
    object.Set("readRegistry", Napi::Function::New(env, readRegistry, "readRegistry"));
    object.Set("registryKeys", Napi::Function::New(env, registryKeys, "registryKeys"));
    object.Set("writeRegistry", Napi::Function::New(env, writeRegistry, "writeRegistry"));
}

} // namespace cmbridge
