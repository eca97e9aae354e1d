// SPDX-License-Identifier: MIT
//
// Strings: comparing, copying, hashing, numbers as text. Also random numbers, UUIDs and the system's version.

#include "kernel.h"

#include <algorithm>
#include <cstring>
#include <random>

namespace {

int compare(const UNICODE_STRING *left, const UNICODE_STRING *right, bool insensitive) {
    size_t a = left->Length / sizeof(WCHAR), b = right->Length / sizeof(WCHAR);
    for (size_t i = 0; i < std::min(a, b); ++i) {
        WCHAR x = left->Buffer[i], y = right->Buffer[i];
        if (insensitive) {
            x = RtlUpcaseUnicodeChar(x);
            y = RtlUpcaseUnicodeChar(y);
        }
        if (x != y) {
            return static_cast<int>(x) - static_cast<int>(y);
        }
    }
    return static_cast<int>(a) - static_cast<int>(b);
}

NTSTATUS append(PUNICODE_STRING to, const WCHAR *text, size_t bytes) {
    if (bytes > static_cast<size_t>(to->MaximumLength) - to->Length) {
        return STATUS_BUFFER_TOO_SMALL;
    }
    if (bytes != 0) {
        std::memmove(to->Buffer + to->Length / sizeof(WCHAR), text, bytes);
    }
    to->Length = static_cast<USHORT>(to->Length + bytes);
    // A terminator, where there is room for one.
    if (to->Length + sizeof(WCHAR) <= to->MaximumLength) {
        to->Buffer[to->Length / sizeof(WCHAR)] = 0;
    }
    return STATUS_SUCCESS;
}

size_t length(PCWSTR text) {
    size_t count = 0;
    while (text[count] != 0) {
        ++count;
    }
    return count;
}

constexpr ULONG kStringTag = 0x72745352; // 'RStr'

} // namespace

extern "C" {

NTSTATUS RtlInitUnicodeStringEx(PUNICODE_STRING to, PCWSTR from) {
    size_t bytes = from != nullptr ? length(from) * sizeof(WCHAR) : 0;
    if (bytes > UNICODE_STRING_MAX_BYTES - sizeof(WCHAR)) {
        return STATUS_NAME_TOO_LONG;
    }
    to->Length = static_cast<USHORT>(bytes);
    to->MaximumLength = static_cast<USHORT>(from != nullptr ? bytes + sizeof(WCHAR) : 0);
    to->Buffer = const_cast<PWCH>(from);
    return STATUS_SUCCESS;
}

VOID RtlInitUnicodeString(PUNICODE_STRING to, PCWSTR from) {
    if (!NT_SUCCESS(RtlInitUnicodeStringEx(to, from))) {
        // Windows cuts the length off.
        *to = {UNICODE_STRING_MAX_BYTES - sizeof(WCHAR), UNICODE_STRING_MAX_BYTES, const_cast<PWCH>(from)};
    }
}

VOID RtlInitAnsiString(PANSI_STRING to, PCSZ from) {
    size_t bytes = from != nullptr ? std::min<size_t>(std::strlen(from), 65534) : 0;
    *to = {static_cast<USHORT>(bytes), static_cast<USHORT>(from != nullptr ? bytes + 1 : 0), const_cast<PCHAR>(from)};
}

VOID RtlCopyUnicodeString(PUNICODE_STRING to, PCUNICODE_STRING from) {
    to->Length = 0;
    if (from == nullptr) {
        return;
    }
    size_t bytes = std::min(from->Length, to->MaximumLength);
    append(to, from->Buffer, bytes);
}

LONG RtlCompareUnicodeString(PCUNICODE_STRING left, PCUNICODE_STRING right, BOOLEAN insensitive) {
    nt::requirePassive("RtlCompareUnicodeString");
    return compare(left, right, insensitive);
}

BOOLEAN RtlEqualUnicodeString(PCUNICODE_STRING left, PCUNICODE_STRING right, BOOLEAN insensitive) {
    nt::requirePassive("RtlEqualUnicodeString");
    return left->Length == right->Length && compare(left, right, insensitive) == 0;
}

BOOLEAN RtlPrefixUnicodeString(PCUNICODE_STRING prefix, PCUNICODE_STRING string, BOOLEAN insensitive) {
    nt::requirePassive("RtlPrefixUnicodeString");
    UNICODE_STRING head = {prefix->Length, prefix->Length, string->Buffer};
    return string->Length >= prefix->Length && compare(prefix, &head, insensitive) == 0;
}

BOOLEAN RtlSuffixUnicodeString(PCUNICODE_STRING suffix, PCUNICODE_STRING string, BOOLEAN insensitive) {
    if (string->Length < suffix->Length) {
        return FALSE;
    }
    auto skip = static_cast<size_t>(string->Length - suffix->Length) / sizeof(WCHAR);
    UNICODE_STRING tail = {suffix->Length, suffix->Length, string->Buffer + skip};
    return compare(suffix, &tail, insensitive) == 0;
}

NTSTATUS RtlAppendUnicodeStringToString(PUNICODE_STRING to, PCUNICODE_STRING from) {
    return append(to, from->Buffer, from->Length);
}

NTSTATUS RtlAppendUnicodeToString(PUNICODE_STRING to, PCWSTR from) {
    return from == nullptr ? STATUS_SUCCESS : append(to, from, length(from) * sizeof(WCHAR));
}

NTSTATUS RtlUpcaseUnicodeString(PUNICODE_STRING to, PCUNICODE_STRING from, BOOLEAN allocate) {
    nt::requirePassive("RtlUpcaseUnicodeString");
    if (allocate) {
        to->Buffer =
            from->Length != 0 ? static_cast<PWCH>(ExAllocatePoolWithTag(PagedPool, from->Length, kStringTag)) : nullptr;
        if (to->Buffer == nullptr && from->Length != 0) {
            return STATUS_NO_MEMORY;
        }
        to->MaximumLength = from->Length;
    } else if (to->MaximumLength < from->Length) {
        return STATUS_BUFFER_OVERFLOW;
    }
    for (size_t i = 0; i < from->Length / sizeof(WCHAR); ++i) {
        to->Buffer[i] = RtlUpcaseUnicodeChar(from->Buffer[i]);
    }
    to->Length = from->Length;
    return STATUS_SUCCESS;
}

VOID RtlFreeUnicodeString(PUNICODE_STRING string) {
    if (string->Buffer != nullptr) {
        ExFreePool(string->Buffer);
        *string = {};
    }
}

NTSTATUS RtlHashUnicodeString(PCUNICODE_STRING string, BOOLEAN insensitive, ULONG algorithm, PULONG hash) {
    if (string == nullptr || hash == nullptr || algorithm > HASH_STRING_ALGORITHM_X65599) {
        return STATUS_INVALID_PARAMETER;
    }
    ULONG value = 0;
    for (size_t i = 0; i < string->Length / sizeof(WCHAR); ++i) {
        WCHAR c = string->Buffer[i];
        value = value * 65599 + (insensitive ? RtlUpcaseUnicodeChar(c) : c);
    }
    *hash = value;
    return STATUS_SUCCESS;
}

NTSTATUS RtlInt64ToUnicodeString(ULONGLONG value, ULONG base, PUNICODE_STRING string) {
    if (base == 0) {
        base = 10;
    }
    if (base != 2 && base != 8 && base != 10 && base != 16) {
        return STATUS_INVALID_PARAMETER;
    }
    WCHAR digits[64];
    size_t count = 0;
    do {
        digits[63 - count++] = static_cast<WCHAR>("0123456789ABCDEF"[value % base]);
        value /= base;
    } while (value != 0);
    if (count * sizeof(WCHAR) > string->MaximumLength) {
        return STATUS_BUFFER_OVERFLOW;
    }
    string->Length = 0;
    return append(string, digits + 64 - count, count * sizeof(WCHAR));
}

NTSTATUS RtlIntegerToUnicodeString(ULONG value, ULONG base, PUNICODE_STRING string) {
    return RtlInt64ToUnicodeString(value, base, string);
}

NTSTATUS RtlUnicodeStringToInteger(PCUNICODE_STRING string, ULONG base, PULONG value) {
    std::u16string_view text = nt::view(string);
    size_t i = 0;
    while (i < text.size() && text[i] <= u' ') {
        ++i;
    }
    bool negative = i < text.size() && text[i] == u'-';
    i += i < text.size() && (text[i] == u'-' || text[i] == u'+');
    if (base == 0) {
        base = 10;
        if (i + 1 < text.size() && text[i] == u'0') {
            char16_t kind = text[i + 1];
            base = kind == u'x' ? 16 : kind == u'o' ? 8 : kind == u'b' ? 2 : 10;
            i += base != 10 ? 2 : 0;
        }
    } else if (base != 2 && base != 8 && base != 10 && base != 16) {
        return STATUS_INVALID_PARAMETER;
    }
    ULONG result = 0;
    for (; i < text.size(); ++i) {
        char16_t c = RtlUpcaseUnicodeChar(text[i]);
        ULONG digit = c >= u'0' && c <= u'9' ? c - u'0' : c >= u'A' && c <= u'F' ? c - u'A' + 10u : 99;
        if (digit >= base) {
            break;
        }
        result = result * base + digit;
    }
    *value = negative ? 0 - result : result;
    return STATUS_SUCCESS;
}

ULONG RtlRandomEx(PULONG seed) {
    *seed = static_cast<ULONG>((ULONGLONG{*seed} * 48271 + 11) % 0x7FFFFFFF);
    return *seed;
}

NTSTATUS ExUuidCreate(GUID *uuid) {
    std::random_device random;
    auto words = reinterpret_cast<unsigned *>(uuid);
    for (int i = 0; i < 4; ++i) {
        words[i] = random();
    }
    uuid->Data3 = static_cast<USHORT>((uuid->Data3 & 0x0FFF) | 0x4000);
    uuid->Data4[0] = static_cast<UCHAR>((uuid->Data4[0] & 0x3F) | 0x80);
    return STATUS_SUCCESS;
}

// Windows 11 23H2.
NTSTATUS RtlGetVersion(PRTL_OSVERSIONINFOW info) {
    info->dwMajorVersion = 10;
    info->dwMinorVersion = 0;
    info->dwBuildNumber = 22631;
    info->dwPlatformId = 2;
    std::memset(info->szCSDVersion, 0, sizeof info->szCSDVersion);
    return STATUS_SUCCESS;
}

} // extern "C"
