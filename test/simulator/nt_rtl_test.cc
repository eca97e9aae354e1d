// SPDX-License-Identifier: MIT

#include "nt_fixture.h"

#include <ntintsafe.h>

namespace {

using RtlTest = NtTest;

UNICODE_STRING string(const char16_t *text) {
    UNICODE_STRING result;
    RtlInitUnicodeString(&result, text);
    return result;
}

TEST_F(RtlTest, StringsAreInitializedAndCopied) {
    UNICODE_STRING abc = string(u"abc");
    EXPECT_EQ(abc.Length, 6);
    EXPECT_EQ(abc.MaximumLength, 8);
    UNICODE_STRING none = string(nullptr);
    EXPECT_EQ(none.MaximumLength, 0);
    WCHAR buffer[3] = {'x', 'x', 'x'};
    UNICODE_STRING small = {0, 4, buffer};
    RtlCopyUnicodeString(&small, &abc);
    EXPECT_EQ(small.Length, 4);
    EXPECT_EQ(buffer[1], u'b');
    EXPECT_EQ(buffer[2], u'x');
    std::u16string huge(40000, u'a');
    UNICODE_STRING cut;
    EXPECT_EQ(RtlInitUnicodeStringEx(&cut, huge.c_str()), STATUS_NAME_TOO_LONG);
    RtlInitUnicodeString(&cut, huge.c_str());
    EXPECT_EQ(cut.Length, 65532);
}

TEST_F(RtlTest, StringsAreCompared) {
    UNICODE_STRING lower = string(u"software"), upper = string(u"SOFTWARE\\Run"), umlaut = string(u"\u00E4"),
                   capital = string(u"\u00C4"), empty = string(u"");
    EXPECT_FALSE(RtlEqualUnicodeString(&lower, &upper, TRUE));
    EXPECT_TRUE(RtlPrefixUnicodeString(&lower, &upper, TRUE));
    EXPECT_FALSE(RtlPrefixUnicodeString(&lower, &upper, FALSE));
    EXPECT_TRUE(RtlPrefixUnicodeString(&empty, &upper, FALSE));
    EXPECT_TRUE(RtlEqualUnicodeString(&umlaut, &capital, TRUE));
    EXPECT_LT(RtlCompareUnicodeString(&lower, &upper, TRUE), 0);
    EXPECT_GT(RtlCompareUnicodeString(&lower, &upper, FALSE), 0);
    UNICODE_STRING run = string(u"run");
    EXPECT_TRUE(RtlSuffixUnicodeString(&run, &upper, TRUE));
}

TEST_F(RtlTest, CharactersAreUpcased) {
    EXPECT_EQ(RtlUpcaseUnicodeChar(u'a'), u'A');
    EXPECT_EQ(RtlUpcaseUnicodeChar(u'['), u'[');
    EXPECT_EQ(RtlUpcaseUnicodeChar(u'\u00FF'), u'\u0178');
    EXPECT_EQ(RtlUpcaseUnicodeChar(u'\u03C9'), u'\u03A9');
    EXPECT_EQ(RtlUpcaseUnicodeChar(u'\u044F'), u'\u042F');
    EXPECT_EQ(RtlUpcaseUnicodeChar(u'\u0101'), u'\u0100');
    // No locale, no expansion, no way back.
    EXPECT_EQ(RtlUpcaseUnicodeChar(u'i'), u'I');
    EXPECT_EQ(RtlUpcaseUnicodeChar(u'\u0131'), u'\u0131');
    EXPECT_EQ(RtlUpcaseUnicodeChar(u'\u00DF'), u'\u00DF');
    EXPECT_EQ(RtlUpcaseUnicodeChar(u'\u00B5'), u'\u00B5');
    EXPECT_EQ(RtlDowncaseUnicodeChar(u'\u042F'), u'\u044F');
    for (unsigned c = 0; c < 0x10000; ++c) {
        WCHAR up = RtlUpcaseUnicodeChar(static_cast<WCHAR>(c));
        ASSERT_EQ(RtlUpcaseUnicodeChar(up), up) << std::hex << c;
    }
}

TEST_F(RtlTest, StringsAreAppendedAndNumbersConverted) {
    WCHAR buffer[8] = {};
    UNICODE_STRING text = {0, sizeof buffer, buffer};
    EXPECT_EQ(RtlAppendUnicodeToString(&text, u"12345"), STATUS_SUCCESS);
    UNICODE_STRING more = string(u"6789");
    EXPECT_EQ(RtlAppendUnicodeStringToString(&text, &more), STATUS_BUFFER_TOO_SMALL);
    EXPECT_EQ(text.Length, 10);
    ULONG value;
    EXPECT_EQ(RtlUnicodeStringToInteger(&text, 10, &value), STATUS_SUCCESS);
    EXPECT_EQ(value, 12345u);
    UNICODE_STRING hex = string(u" 0xfFg");
    EXPECT_EQ(RtlUnicodeStringToInteger(&hex, 0, &value), STATUS_SUCCESS);
    EXPECT_EQ(value, 255u);
    EXPECT_EQ(RtlInt64ToUnicodeString(0xBEEF, 16, &text), STATUS_SUCCESS);
    EXPECT_EQ(std::u16string_view(text.Buffer, text.Length / 2), u"BEEF");
    EXPECT_EQ(RtlIntegerToUnicodeString(4000000000u, 10, &text), STATUS_BUFFER_OVERFLOW);
    UNICODE_STRING a = string(u"Name"), b = string(u"nAME");
    ULONG first, second;
    RtlHashUnicodeString(&a, TRUE, HASH_STRING_ALGORITHM_DEFAULT, &first);
    RtlHashUnicodeString(&b, TRUE, HASH_STRING_ALGORITHM_DEFAULT, &second);
    EXPECT_EQ(first, second);
}

TEST_F(RtlTest, ArithmeticThatOverflowsIsRefused) {
    ULONG sum;
    EXPECT_EQ(RtlULongAdd(0xFFFFFFFF, 0, &sum), STATUS_SUCCESS);
    EXPECT_EQ(RtlULongAdd(0xFFFFFFFF, 1, &sum), STATUS_INTEGER_OVERFLOW);
    EXPECT_EQ(sum, 0xFFFFFFFF);
    EXPECT_EQ(RtlULongMult(0x10000, 0x10000, &sum), STATUS_INTEGER_OVERFLOW);
    EXPECT_EQ(RtlULongSub(1, 2, &sum), STATUS_INTEGER_OVERFLOW);
    USHORT narrow;
    EXPECT_EQ(RtlULongToUShort(65535, &narrow), STATUS_SUCCESS);
    EXPECT_EQ(RtlULongToUShort(65536, &narrow), STATUS_INTEGER_OVERFLOW);
    EXPECT_EQ(RtlUShortAdd(65534, 2, &narrow), STATUS_INTEGER_OVERFLOW);
    ULONG length;
    EXPECT_EQ(RtlSizeTToULong(size_t{1} << 32, &length), STATUS_INTEGER_OVERFLOW);
}

TEST_F(RtlTest, MemoryIsMovedAndCompared) {
    char data[8] = "abcdefg";
    EXPECT_EQ(RtlCompareMemory(data, "abcx", 4), 3u);
    RtlMoveMemory(data + 1, data, 4);
    EXPECT_STREQ(data, "aabcdfg");
    EXPECT_DEATH(RtlCopyMemory(data + 1, data, 4), "overlapping");
    RtlSecureZeroMemory(data, sizeof data);
    EXPECT_EQ(data[6], 0);
}

TEST_F(RtlTest, UserRangesCanVanishAndChange) {
    std::vector<char> user(100), kernel(100);
    SimRegisterUserRange(user.data(), user.size());
    EXPECT_EQ(SampleGuardedCopy(kernel.data(), user.data(), 100), STATUS_SUCCESS);
    SimSetUserRangeAccess(user.data(), TRUE, FALSE);
    EXPECT_EQ(SampleGuardedCopy(kernel.data(), user.data(), 100), STATUS_SUCCESS);
    EXPECT_EQ(SampleGuardedCopy(user.data() + 99, kernel.data(), 1), STATUS_ACCESS_VIOLATION);
    SimSetUserRangeAccess(user.data(), FALSE, FALSE);
    EXPECT_EQ(SampleGuardedCopy(kernel.data(), user.data() + 50, 1), STATUS_ACCESS_VIOLATION);
    // What another thread of the process does between a probe and the read, or between two reads.
    SimSetUserRangeAccess(user.data(), TRUE, TRUE);
    SimWatchUserRange(
        user.data(), [](PVOID memory) { ++static_cast<std::vector<char> *>(memory)->front(); }, &user);
    for (char read = 1; read <= 2; ++read) {
        EXPECT_EQ(SampleGuardedCopy(kernel.data(), user.data(), 1), STATUS_SUCCESS);
        EXPECT_EQ(kernel[0], read);
    }
    SimWatchUserRange(
        user.data(), [](PVOID memory) { SimSetUserRangeAccess(memory, FALSE, FALSE); }, user.data());
    EXPECT_EQ(SampleGuardedCopy(kernel.data(), user.data(), 1), STATUS_ACCESS_VIOLATION);
    SimWatchUserRange(user.data(), nullptr, nullptr);
    EXPECT_DEATH(
        {
            KfRaiseIrql(DISPATCH_LEVEL);
            RtlCopyMemory(kernel.data(), user.data(), 1);
        },
        "STOP: 0x0000000A.*\n.*User memory .* was touched at IRQL 2");
    SimUnregisterUserRange(user.data());
    EXPECT_EQ(SampleGuardedCopy(kernel.data(), user.data(), 100), STATUS_SUCCESS);
    PVOID pool = ExAllocatePoolWithTag(NonPagedPoolNx, 32, 0x74736554);
    EXPECT_DEATH(ProbeForRead(static_cast<char *>(pool) + 8, 4, 1), "STOP: 0x0000001E .0xC0000005");
    EXPECT_DEATH(ProbeForRead(user.data() + 1, 4, 4), "0x80000002 was not handled");
    ExFreePool(pool);
}

TEST_F(RtlTest, SecurityDescriptorsAreMade) {
    alignas(8) unsigned char storage[64];
    auto acl = reinterpret_cast<PACL>(storage);
    EXPECT_EQ(RtlCreateAcl(acl, 4, ACL_REVISION), STATUS_BUFFER_TOO_SMALL);
    ASSERT_EQ(RtlCreateAcl(acl, 36, ACL_REVISION), STATUS_SUCCESS);
    EXPECT_EQ(RtlLengthSid(SeExports->SeLocalSystemSid), 12u);
    EXPECT_EQ(RtlAddAccessAllowedAce(acl, ACL_REVISION, GENERIC_READ, SeExports->SeLocalSystemSid), STATUS_SUCCESS);
    EXPECT_EQ(RtlAddAccessAllowedAce(acl, ACL_REVISION, GENERIC_READ, SeExports->SeAliasAdminsSid),
              STATUS_ALLOTTED_SPACE_EXCEEDED);
    PVOID ace;
    ASSERT_EQ(RtlGetAce(acl, 0, &ace), STATUS_SUCCESS);
    EXPECT_EQ(static_cast<PACCESS_ALLOWED_ACE>(ace)->Header.AceSize, 20);
    EXPECT_EQ(RtlGetAce(acl, 1, &ace), STATUS_INVALID_PARAMETER);
    SECURITY_DESCRIPTOR descriptor;
    ASSERT_EQ(RtlCreateSecurityDescriptor(&descriptor, SECURITY_DESCRIPTOR_REVISION), STATUS_SUCCESS);
    ASSERT_EQ(RtlSetDaclSecurityDescriptor(&descriptor, TRUE, acl, FALSE), STATUS_SUCCESS);
    EXPECT_TRUE(RtlValidSecurityDescriptor(&descriptor));
    ULONG size = 0;
    EXPECT_EQ(RtlAbsoluteToSelfRelativeSD(&descriptor, nullptr, &size), STATUS_BUFFER_TOO_SMALL);
    EXPECT_EQ(size, sizeof(SECURITY_DESCRIPTOR_RELATIVE) + 36);
    std::vector<unsigned char> relative(size);
    ASSERT_EQ(RtlAbsoluteToSelfRelativeSD(&descriptor, relative.data(), &size), STATUS_SUCCESS);
    EXPECT_TRUE(RtlValidSecurityDescriptor(relative.data()));
    acl->AclSize = 20;
    EXPECT_FALSE(RtlValidSecurityDescriptor(&descriptor));
}

TEST_F(RtlTest, SystemRoutinesAreFoundByName) {
    UNICODE_STRING name = string(u"ExAllocatePool2"), unknown = string(u"ExNoSuchRoutine"),
                   ofCm = string(u"CmCallbackGetKeyObjectIDEx");
    EXPECT_EQ(MmGetSystemRoutineAddress(&name), reinterpret_cast<PVOID>(ExAllocatePool2));
    EXPECT_EQ(MmGetSystemRoutineAddress(&unknown), nullptr);
    EXPECT_NE(MmGetSystemRoutineAddress(&ofCm), nullptr);
}

} // namespace
