// SPDX-License-Identifier: MIT
//
// Makes the keys of one thread of a load, and runs the load's operations on them, at a rate if one is given.

#include "native/simulator_channel/load_keys.h"

#include <array>
#include <thread>
#include <utility>

#include "cm/cm.h"

namespace cmbridge {
namespace {

using registry::asHandle;
using registry::Handle;

// So that no key has more subkeys than the keys of a real registry.
constexpr uint64_t kGroupSize = 256;

// For three numbers and the separators between them.
constexpr size_t kRoom = 64;

// Operations of so much time may come at once.
constexpr std::chrono::microseconds kLongestBurst{100};

std::u16string digits(uint64_t number) {
    std::string text = std::to_string(number);
    return {text.begin(), text.end()};
}

std::u16string numbered(std::u16string_view text, uint64_t number) {
    std::u16string result(text);
    return result.append(digits(number));
}

// Puts the number in front of `end` and returns where it begins.
char16_t *writeDigits(char16_t *end, uint64_t number) {
    do {
        *--end = static_cast<char16_t>(u'0' + number % 10);
        number /= 10;
    } while (number != 0);
    return end;
}

UNICODE_STRING asString(std::u16string &text) {
    return *registry::Name(text).get();
}

} // namespace

LoadKeys::LoadKeys(const LoadRequest &request, const std::atomic<bool> &stop)
    : request_(request), stop_(stop), nested_(request.keys > 1 || request.depth != 0), path_(kRoom, u' ') {
    for (uint32_t level = 1; level <= request.depth; level++) {
        path_ += numbered(u"\\Level ", level);
    }
    for (uint32_t i = 0; i < request.valueNames; i++) {
        valueNames_.push_back(request.valueNames == 1 ? u"value" : numbered(u"value ", i));
    }
}

LoadKeys::~LoadKeys() {
    for (void *object : objects_) {
        ObDereferenceObject(object);
    }
    for (Handle handle : handles_) {
        NtClose(asHandle(handle));
    }
    if (root_ != 0) {
        NtClose(asHandle(root_));
    }
}

NtStatus LoadKeys::create(Handle root, std::u16string path, Handle *key) {
    registry::KeyResult made = registry::createKey({.root = root, .path = std::move(path), .access = KEY_ALL_ACCESS});
    *key = made.handle;
    return made.status;
}

NtStatus LoadKeys::prepare(size_t index) {
    index_ = index;
    NtStatus status = create(0, request_.path, &root_);
    return succeeded(status) ? createKeys() : status;
}

NtStatus LoadKeys::createKeys() {
    Handle own = 0;
    NtStatus status = create(root_, digits(index_), &own);
    if (!succeeded(status)) {
        return status;
    }
    if (!nested_) {
        return keep(own);
    }
    status = createNestedKeys(own);
    NtClose(asHandle(own));
    return status;
}

NtStatus LoadKeys::createNestedKeys(Handle own) {
    NtStatus status = STATUS_SUCCESS;
    for (uint64_t first = 0; first < request_.keys && succeeded(status) && !stop_; first += kGroupSize) {
        uint64_t end = std::min(first + kGroupSize, request_.keys);
        Handle group = 0;
        status = create(own, digits(first / kGroupSize), &group);
        for (uint64_t i = first; i < end && succeeded(status) && !stop_; i++) {
            status = createNestedKey(group, i);
        }
        if (group != 0) {
            NtClose(asHandle(group));
        }
    }
    return status;
}

NtStatus LoadKeys::createNestedKey(Handle group, uint64_t index) {
    Handle key = 0;
    NtStatus status = create(group, digits(index), &key);
    for (uint32_t level = 1; level <= request_.depth && succeeded(status); level++) {
        Handle parent = std::exchange(key, 0);
        status = create(parent, numbered(u"Level ", level), &key);
        NtClose(asHandle(parent));
    }
    return succeeded(status) ? keep(key) : status;
}

// Takes over the handle.
NtStatus LoadKeys::keep(Handle key) {
    if (request_.kind == LoadKind::Open) {
        return NtClose(asHandle(key));
    }
    handles_.push_back(key);
    if (request_.kind == LoadKind::Notify) {
        void *object = nullptr;
        NTSTATUS status = ObReferenceObjectByHandle(asHandle(key), 0, *CmKeyObjectType, UserMode, &object, nullptr);
        if (NT_SUCCESS(status)) {
            objects_.push_back(object);
        }
        return status;
    }
    NtStatus status = STATUS_SUCCESS;
    for (size_t i = 0; request_.kind == LoadKind::Query && i < valueNames_.size() && succeeded(status); i++) {
        ULONG data = 0;
        UNICODE_STRING name = asString(valueNames_[i]);
        status = NtSetValueKey(asHandle(key), &name, 0, REG_DWORD, &data, sizeof data);
    }
    return status;
}

void LoadKeys::operate(LoadResult *result) {
    std::vector<UNICODE_STRING> names;
    for (std::u16string &name : valueNames_) {
        names.push_back(asString(name));
    }
    uint64_t key = 0;
    size_t name = 0;
    Clock::time_point begin = Clock::now();
    for (; result->operations < request_.operations && !stop_.load(std::memory_order_relaxed); result->operations++) {
        if (request_.perSecond != 0) {
            waitForTurn(begin, result->operations);
        }
        if (!NT_SUCCESS(operateOnce(key, &names[name], result->operations))) {
            result->failures++;
        }
        if (++key == request_.keys) {
            key = 0;
            name = name + 1 == names.size() ? 0 : name + 1;
        }
    }
}

// Sleeps a little too long and then catches up, for sleeping before each operation would take longer than many of them.
void LoadKeys::waitForTurn(Clock::time_point begin, uint64_t operation) const {
    std::chrono::duration<double> due(static_cast<double>(operation) / request_.perSecond);
    std::chrono::duration<double> early = due - (Clock::now() - begin);
    if (early > kLongestBurst) {
        std::this_thread::sleep_for(early);
    }
}

NTSTATUS LoadKeys::operateOnce(uint64_t key, UNICODE_STRING *name, uint64_t counter) {
    switch (request_.kind) {
    case LoadKind::Set: {
        auto data = static_cast<ULONG>(counter);
        return NtSetValueKey(asHandle(handles_[key]), name, 0, REG_DWORD, &data, sizeof data);
    }
    case LoadKind::Query: {
        alignas(KEY_VALUE_PARTIAL_INFORMATION) std::array<std::byte, 64> answer;
        ULONG length = 0;
        return NtQueryValueKey(asHandle(handles_[key]), name, KeyValuePartialInformation, answer.data(),
                               static_cast<ULONG>(answer.size()), &length);
    }
    case LoadKind::Open:
        return openAndClose(key);
    case LoadKind::Churn:
        return createAndDelete(handles_[key], name, counter);
    default:
        return CmInjectNamedNotification(objects_[key], request_.notifyClass, name, STATUS_SUCCESS);
    }
}

NTSTATUS LoadKeys::openAndClose(uint64_t key) {
    char16_t *begin = path_.data() + kRoom;
    if (nested_) {
        begin = writeDigits(begin, key);
        *--begin = u'\\';
        begin = writeDigits(begin, key / kGroupSize);
        *--begin = u'\\';
    }
    begin = writeDigits(begin, index_);
    auto bytes = static_cast<USHORT>(static_cast<size_t>(path_.data() + path_.size() - begin) * sizeof(char16_t));
    UNICODE_STRING name = {bytes, bytes, begin};
    OBJECT_ATTRIBUTES attributes;
    InitializeObjectAttributes(&attributes, &name, OBJ_CASE_INSENSITIVE, asHandle(root_), nullptr);
    HANDLE opened = nullptr;
    NTSTATUS status = NtOpenKeyEx(&opened, KEY_READ, &attributes, 0);
    return NT_SUCCESS(status) ? NtClose(opened) : status;
}

NTSTATUS LoadKeys::createAndDelete(Handle parent, UNICODE_STRING *value, uint64_t counter) {
    char16_t *end = path_.data() + kRoom, *begin = writeDigits(end, counter);
    auto bytes = static_cast<USHORT>(static_cast<size_t>(end - begin) * sizeof(char16_t));
    UNICODE_STRING name = {bytes, bytes, begin};
    OBJECT_ATTRIBUTES attributes;
    InitializeObjectAttributes(&attributes, &name, OBJ_CASE_INSENSITIVE, asHandle(parent), nullptr);
    HANDLE key = nullptr;
    ULONG disposition = 0;
    NTSTATUS status = NtCreateKey(&key, KEY_ALL_ACCESS, &attributes, 0, nullptr, 0, &disposition);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    auto data = static_cast<ULONG>(counter);
    status = NtSetValueKey(key, value, 0, REG_DWORD, &data, sizeof data);
    NTSTATUS deleted = NtDeleteKey(key);
    NtClose(key);
    return NT_SUCCESS(status) ? deleted : status;
}

} // namespace cmbridge
