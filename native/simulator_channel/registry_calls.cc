// SPDX-License-Identifier: MIT
//
// Services that create, open and change keys and values.

#include "native/simulator_channel/registry_calls.h"

#include "native/simulator_channel/service_arguments.h"

namespace cmbridge::registry {
namespace {

KeyResult keyResult(NTSTATUS status, HANDLE handle, ULONG disposition) {
    return NT_SUCCESS(status) ? KeyResult{status, fromHandle(handle), disposition} : KeyResult{status, 0, 0};
}

} // namespace

KeyResult createKey(CreateKey request) {
    std::u16string classText = request.className.value_or(u"");
    Name name(request.path), keyClass(classText);
    if (name.tooLong() || keyClass.tooLong()) {
        return {STATUS_NAME_TOO_LONG, 0, 0};
    }
    if (request.securityDescriptor && !isDescriptor(*request.securityDescriptor)) {
        return {STATUS_INVALID_SECURITY_DESCR, 0, 0};
    }
    OBJECT_ATTRIBUTES attributes =
        objectAttributes(request.root, name, request.attributes,
                         request.securityDescriptor ? request.securityDescriptor->data() : nullptr);
    UNICODE_STRING *givenClass = request.className ? keyClass.get() : nullptr;
    HANDLE handle = nullptr;
    ULONG disposition = 0;
    NTSTATUS status =
        request.transaction == 0
            ? NtCreateKey(&handle, request.access, &attributes, 0, givenClass, request.options, &disposition)
            : NtCreateKeyTransacted(&handle, request.access, &attributes, 0, givenClass, request.options,
                                    asHandle(request.transaction), &disposition);
    return keyResult(status, handle, disposition);
}

KeyResult openKey(OpenKey request) {
    Name name(request.path);
    if (name.tooLong()) {
        return {STATUS_NAME_TOO_LONG, 0, 0};
    }
    OBJECT_ATTRIBUTES attributes = objectAttributes(request.root, name, request.attributes);
    HANDLE handle = nullptr;
    NTSTATUS status = request.transaction == 0 ? NtOpenKeyEx(&handle, request.access, &attributes, request.options)
                                               : NtOpenKeyTransactedEx(&handle, request.access, &attributes,
                                                                       request.options, asHandle(request.transaction));
    return keyResult(status, handle, 0);
}

NtStatus setValue(Handle key, std::u16string name, uint32_t type, Bytes data) {
    Name value(name);
    return value.tooLong()
               ? STATUS_NAME_TOO_LONG
               : NtSetValueKey(asHandle(key), value.get(), 0, type, data.data(), static_cast<ULONG>(data.size()));
}

NtStatus deleteValue(Handle key, std::u16string name) {
    Name value(name);
    return value.tooLong() ? STATUS_NAME_TOO_LONG : NtDeleteValueKey(asHandle(key), value.get());
}

NtStatus deleteKey(Handle key) {
    return NtDeleteKey(asHandle(key));
}

NtStatus renameKey(Handle key, std::u16string newName) {
    Name name(newName);
    return name.tooLong() ? STATUS_NAME_TOO_LONG : NtRenameKey(asHandle(key), name.get());
}

NtStatus flushKey(Handle key) {
    return NtFlushKey(asHandle(key));
}

NtStatus setInformation(Handle key, uint32_t informationClass, Bytes data) {
    return NtSetInformationKey(asHandle(key), static_cast<KEY_SET_INFORMATION_CLASS>(informationClass), data.data(),
                               static_cast<ULONG>(data.size()));
}

} // namespace cmbridge::registry
