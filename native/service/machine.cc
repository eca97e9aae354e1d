// SPDX-License-Identifier: MIT
//
// Who runs this program, what the processor is, what Code Integrity demands, who may write to a folder.

#include "native/service/machine.h"

#include <aclapi.h>
#include <winternl.h>

#include <cstdint>

#include "native/service/windows_error.h"

namespace cmbridge {
namespace {

// NtQuerySystemInformation's SystemCodeIntegrityInformation, as its reference page has both.
constexpr int kSystemCodeIntegrityInformation = 103;
struct CodeIntegrityInformation {
    ULONG Length;
    ULONG CodeIntegrityOptions;
};

// Whether administrators are among the groups that this process may use: under UAC only when it is elevated.
Napi::Value isElevated(const Napi::CallbackInfo &info) {
    BYTE sid[SECURITY_MAX_SID_SIZE];
    DWORD size = sizeof(sid);
    BOOL isMember = FALSE;
    if (!CreateWellKnownSid(WinBuiltinAdministratorsSid, nullptr, sid, &size) ||
        !CheckTokenMembership(nullptr, sid, &isMember)) {
        throw windowsError(info.Env(), *lastFailure("CheckTokenMembership"));
    }
    return Napi::Boolean::New(info.Env(), isMember != FALSE);
}

// `C:\Windows`. From the system, for variables of the environment are the user's to set.
Napi::Value systemRoot(const Napi::CallbackInfo &info) {
    wchar_t path[MAX_PATH];
    UINT length = GetSystemWindowsDirectoryW(path, MAX_PATH);
    if (length == 0 || length >= MAX_PATH) {
        throw windowsError(info.Env(), *lastFailure("GetSystemWindowsDirectory"));
    }
    return text(info.Env(), std::wstring(path, length));
}

// IMAGE_FILE_MACHINE_*: of the machine, whatever this process was compiled for.
Napi::Value nativeMachine(const Napi::CallbackInfo &info) {
    USHORT process;
    USHORT native;
    if (!IsWow64Process2(GetCurrentProcess(), &process, &native)) {
        throw windowsError(info.Env(), *lastFailure("IsWow64Process2"));
    }
    return Napi::Number::New(info.Env(), native);
}

// Null if this Windows does not tell.
Napi::Value codeIntegrityOptions(const Napi::CallbackInfo &info) {
    CodeIntegrityInformation result = {sizeof(result), 0};
    NTSTATUS status = NtQuerySystemInformation(static_cast<SYSTEM_INFORMATION_CLASS>(kSystemCodeIntegrityInformation),
                                               &result, sizeof(result), nullptr);
    return status < 0 ? info.Env().Null() : Napi::Number::New(info.Env(), result.CodeIntegrityOptions);
}

// Owner and DACL of a file or folder, self-relative.
Napi::Value fileSecurity(const Napi::CallbackInfo &info) {
    Napi::Env env = info.Env();
    if (info.Length() < 1 || !info[0].IsString()) {
        throw Napi::TypeError::New(env, "fileSecurity(path)");
    }
    std::wstring path = wide(info[0]);
    PSECURITY_DESCRIPTOR descriptor = nullptr;
    DWORD error =
        GetNamedSecurityInfoW(path.data(), SE_FILE_OBJECT, OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION,
                              nullptr, nullptr, nullptr, nullptr, &descriptor);
    if (error != ERROR_SUCCESS) {
        throw windowsError(env, {"GetNamedSecurityInfo", error});
    }
    // What comes from there is self-relative already.
    const auto *bytes = static_cast<const uint8_t *>(descriptor);
    Napi::Value result;
    try {
        result = Napi::Buffer<uint8_t>::Copy(env, bytes, GetSecurityDescriptorLength(descriptor));
    } catch (...) {
        LocalFree(descriptor);
        throw;
    }
    LocalFree(descriptor);
    return result;
}

} // namespace

void addMachineFunctions(Napi::Object object) {
    Napi::Env env = object.Env();
    object.Set("isElevated", Napi::Function::New(env, isElevated, "isElevated"));
    object.Set("systemRoot", Napi::Function::New(env, systemRoot, "systemRoot"));
    object.Set("nativeMachine", Napi::Function::New(env, nativeMachine, "nativeMachine"));
    object.Set("codeIntegrityOptions", Napi::Function::New(env, codeIntegrityOptions, "codeIntegrityOptions"));
    object.Set("fileSecurity", Napi::Function::New(env, fileSecurity, "fileSecurity"));
}

} // namespace cmbridge
