// SPDX-License-Identifier: MIT
//
// Makes the error: its message and its `windowsError`.

#include "native/service/windows_error.h"

namespace cmbridge {

Napi::Error windowsError(Napi::Env env, const WindowsError &error) {
    wchar_t buffer[512];
    DWORD length = FormatMessageW(FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS, nullptr, error.code, 0,
                                  buffer, 512, nullptr);
    std::wstring sentence(buffer, length);
    while (!sentence.empty() && (sentence.back() <= L' ' || sentence.back() == L'.')) {
        sentence.pop_back();
    }
    std::wstring message;
    for (const char *letter = error.routine; *letter != '\0'; ++letter) {
        message.push_back(static_cast<wchar_t>(*letter));
    }
    message += L" failed with error " + std::to_wstring(error.code);
    if (!sentence.empty()) {
        message += L": " + sentence;
    }
    // An error object is made from UTF-8, which V8 makes of the string.
    Napi::Error result = Napi::Error::New(env, text(env, message).Utf8Value());
    result.Set("windowsError", Napi::Number::New(env, error.code));
    return result;
}

} // namespace cmbridge
