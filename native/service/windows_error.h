// SPDX-License-Identifier: MIT
//
// A Win32 call that failed, on its way to JavaScript.

#ifndef CMBRIDGE_NATIVE_SERVICE_WINDOWS_ERROR_H
#define CMBRIDGE_NATIVE_SERVICE_WINDOWS_ERROR_H

#include <napi.h>
#include <windows.h>

#include <optional>
#include <string>

namespace cmbridge {

// Which call failed, and with what GetLastError() said of it.
struct WindowsError {
    const char *routine;
    DWORD code;
};

// What a call gives: nothing if it went well.
using Failure = std::optional<WindowsError>;

inline Failure lastFailure(const char *routine) {
    return WindowsError{routine, GetLastError()};
}

// Null for success, as the functions of the registry and of security tell it.
inline Failure failureOf(const char *routine, LSTATUS code) {
    return code == ERROR_SUCCESS ? Failure() : WindowsError{routine, static_cast<DWORD>(code)};
}

// An Error whose `windowsError` is the code; the message names the routine and has the text that Windows has for it.
Napi::Error windowsError(Napi::Env env, const WindowsError &error);

inline std::wstring wide(const Napi::Value &value) {
    std::u16string text = value.As<Napi::String>().Utf16Value();
    return std::wstring(text.begin(), text.end());
}

inline Napi::String text(Napi::Env env, const std::wstring &value) {
    static_assert(sizeof(wchar_t) == sizeof(char16_t));
    return Napi::String::New(env, reinterpret_cast<const char16_t *>(value.data()), value.size());
}

} // namespace cmbridge

#endif
