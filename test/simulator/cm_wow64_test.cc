// SPDX-License-Identifier: MIT

#include "cm_fixture.h"

using namespace cm_test;

namespace {

const std::u16string kMachine = u"\\REGISTRY\\MACHINE\\";
const std::u16string kUser = u"\\REGISTRY\\USER\\S-1-5-21-3623811015-3361044348-30300820-1013";

class CmWow64 : public CmTest {
  protected:
    static std::u16string open(std::u16string_view path, ACCESS_MASK view = 0, HANDLE root = nullptr) {
        Key key = Key::open(path, KEY_READ | view, root);
        return key.status == STATUS_SUCCESS ? key.name() : u"0x" + std::u16string(1, u'0' + (key.status & 0xF));
    }
    // In a 32-bit program.
    void in32(const std::function<void()> &job) {
        auto process = machine_->createProcess({.imagePath = u"\\Device\\HarddiskVolume1\\old.exe", .wow64 = true});
        process->createThread()->run(job);
    }
};

struct View {
    const char16_t *asked, *meant;
};

class CmWow64Name : public CmWow64, public ::testing::WithParamInterface<View> {};

TEST_P(CmWow64Name, IsThatOfThe32BitView) {
    auto [asked, meant] = GetParam();
    const std::u16string there = u"\\REGISTRY\\" + std::u16string(meant);
    EXPECT_EQ(open(u"\\REGISTRY\\" + std::u16string(asked), KEY_WOW64_32KEY), there);
    in32([&] {
        EXPECT_EQ(open(u"\\REGISTRY\\" + std::u16string(asked)), there);
        EXPECT_EQ(open(u"\\REGISTRY\\" + std::u16string(asked), KEY_WOW64_32KEY), there);
        // HKLM is a handle, and names are relative to it.
        Key root = Key::open(u"\\REGISTRY");
        EXPECT_EQ(open(asked, 0, root.get()), there);
    });
}

INSTANTIATE_TEST_SUITE_P(
    , CmWow64Name,
    ::testing::Values(
        View{u"MACHINE\\SOFTWARE", u"MACHINE\\SOFTWARE\\WOW6432Node"},
        View{u"machine\\software\\microsoft", u"MACHINE\\SOFTWARE\\WOW6432Node\\Microsoft"},
        View{u"MACHINE\\SOFTWARE\\WOW6432Node\\Microsoft", u"MACHINE\\SOFTWARE\\WOW6432Node\\Microsoft"},
        // Shared: there are links below WOW6432Node.
        View{u"MACHINE\\SOFTWARE\\Policies", u"MACHINE\\SOFTWARE\\Policies"},
        View{u"MACHINE\\SOFTWARE\\Policies\\Microsoft", u"MACHINE\\SOFTWARE\\Policies\\Microsoft"},
        View{u"MACHINE\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\App Paths",
             u"MACHINE\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\App Paths"},
        View{u"MACHINE\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\Fonts",
             u"MACHINE\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\Fonts"},
        // Class registrations are shared, except for a few.
        View{u"MACHINE\\SOFTWARE\\Classes", u"MACHINE\\SOFTWARE\\Classes"},
        View{u"MACHINE\\SOFTWARE\\Classes\\TypeLib", u"MACHINE\\SOFTWARE\\Classes\\TypeLib"},
        View{u"MACHINE\\SOFTWARE\\Classes\\CLSID", u"MACHINE\\SOFTWARE\\Classes\\WOW6432Node\\CLSID"},
        View{u"MACHINE\\SOFTWARE\\Classes\\WOW6432Node\\CLSID", u"MACHINE\\SOFTWARE\\Classes\\WOW6432Node\\CLSID"},
        View{u"MACHINE\\SOFTWARE\\WOW6432Node\\Classes\\CLSID", u"MACHINE\\SOFTWARE\\Classes\\WOW6432Node\\CLSID"},
        View{u"MACHINE\\SOFTWARE\\WOW6432Node\\Classes", u"MACHINE\\SOFTWARE\\Classes"},
        View{u"MACHINE\\SYSTEM\\ControlSet001", u"MACHINE\\SYSTEM\\ControlSet001"},
        View{u"USER\\S-1-5-21-3623811015-3361044348-30300820-1013\\Software\\Classes\\Interface",
             u"USER\\S-1-5-21-3623811015-3361044348-30300820-1013_Classes\\WOW6432Node\\Interface"},
        View{u"USER\\S-1-5-21-3623811015-3361044348-30300820-1013_Classes\\CLSID",
             u"USER\\S-1-5-21-3623811015-3361044348-30300820-1013_Classes\\WOW6432Node\\CLSID"},
        View{u"USER\\S-1-5-21-3623811015-3361044348-30300820-1013\\Software\\Microsoft",
             u"USER\\S-1-5-21-3623811015-3361044348-30300820-1013\\Software\\Microsoft"}));

TEST_F(CmWow64, The64BitViewIsTheRegistryAsItIs) {
    EXPECT_EQ(open(kMachine + u"SOFTWARE\\Microsoft"), kMachine + u"SOFTWARE\\Microsoft");
    in32([] {
        EXPECT_EQ(open(kMachine + u"SOFTWARE\\Microsoft", KEY_WOW64_64KEY), kMachine + u"SOFTWARE\\Microsoft");
        EXPECT_EQ(open(kUser + u"_Classes\\CLSID", KEY_WOW64_64KEY), kUser + u"_Classes\\CLSID");
        EXPECT_EQ(open(kMachine + u"SOFTWARE\\WOW6432Node\\Classes", KEY_WOW64_64KEY),
                  kMachine + u"SOFTWARE\\Classes\\WOW6432Node");
    });
}

// What a program of 32 bits got on Windows, in tests of the Wine project.
TEST_F(CmWow64, AHandlePassesItsViewOn) {
    in32([] {
        Key in64 = Key::open(kMachine + u"SOFTWARE", KEY_READ | KEY_WOW64_64KEY),
            in32 = Key::open(kMachine + u"SOFTWARE");
        EXPECT_EQ(open(u"Microsoft", 0, in64.get()), kMachine + u"SOFTWARE\\Microsoft");
        EXPECT_EQ(open(u"Microsoft", KEY_WOW64_32KEY, in64.get()), kMachine + u"SOFTWARE\\WOW6432Node\\Microsoft");
        EXPECT_EQ(open(u"Microsoft", 0, in32.get()), kMachine + u"SOFTWARE\\WOW6432Node\\Microsoft");
        EXPECT_EQ(open(u"Microsoft", KEY_WOW64_64KEY, in32.get()), kMachine + u"SOFTWARE\\WOW6432Node\\Microsoft");
        // Also from further down: the name becomes an absolute one.
        Key microsoft = Key::open(u"Microsoft", KEY_READ, in64.get());
        EXPECT_EQ(open(u"Windows", 0, microsoft.get()), kMachine + u"SOFTWARE\\Microsoft\\Windows");
        EXPECT_EQ(open(u"Windows", KEY_WOW64_32KEY, microsoft.get()),
                  kMachine + u"SOFTWARE\\WOW6432Node\\Microsoft\\Windows");
    });
}

TEST_F(CmWow64, CallbacksSeeTheChangedNameAndTheFlagsOfTheCaller) {
    std::vector<std::pair<std::u16string, ULONG>> seen;
    Filter filter('f', u"385100", nullptr, {RegNtPreOpenKeyEx}, [&](ULONG, void *information) {
        auto info = static_cast<REG_OPEN_KEY_INFORMATION_V1 *>(information);
        EXPECT_EQ(info->DesiredAccess & KEY_WOW64_RES, 0u);
        seen.emplace_back(text(info->CompleteName), info->Wow64Flags);
        return STATUS_SUCCESS;
    });
    in32([] {
        Key::open(kMachine + u"SOFTWARE\\Missing");
        Key::open(kMachine + u"SOFTWARE\\Missing", KEY_READ | KEY_WOW64_64KEY);
        Key machine = Key::open(u"\\REGISTRY\\MACHINE");
        Key::open(u"Software\\Missing", KEY_READ | KEY_WOW64_32KEY, machine.get());
    });
    filter.stop();
    EXPECT_EQ(seen,
              (std::vector<std::pair<std::u16string, ULONG>>{{kMachine + u"SOFTWARE\\WOW6432Node\\Missing", 0},
                                                             {kMachine + u"SOFTWARE\\Missing", KEY_WOW64_64KEY},
                                                             {u"\\REGISTRY\\MACHINE", 0},
                                                             {u"Software\\WOW6432Node\\Missing", KEY_WOW64_32KEY}}));
}

TEST_F(CmWow64, BothViewsAtOnceAreRefused) {
    EXPECT_EQ(Key::open(kMachine + u"SOFTWARE", KEY_READ | KEY_WOW64_RES).status, STATUS_INVALID_PARAMETER);
}

TEST_F(CmWow64, TheKernelSeesTheRegistryAsItIs) {
    UNICODE_STRING name = text(kSoftware);
    OBJECT_ATTRIBUTES attributes;
    InitializeObjectAttributes(&attributes, &name, OBJ_CASE_INSENSITIVE | OBJ_KERNEL_HANDLE, nullptr, nullptr);
    HANDLE handle = nullptr;
    in32([&] { ASSERT_EQ(ZwOpenKey(&handle, KEY_READ | KEY_WOW64_32KEY, &attributes), STATUS_SUCCESS); });
    alignas(KEY_NAME_INFORMATION) UCHAR buffer[128];
    auto information = reinterpret_cast<KEY_NAME_INFORMATION *>(buffer);
    ULONG length = 0;
    EXPECT_EQ(ZwQueryKey(handle, KeyNameInformation, information, sizeof buffer, &length), STATUS_SUCCESS);
    EXPECT_EQ(std::u16string(information->Name, information->NameLength / sizeof(WCHAR)), kSoftware);
    ZwClose(handle);
}

TEST_F(CmWow64, FlagsOfAKeyAreKept) {
    Key key = scratch();
    ULONG flags = 0x35, words[3] = {}, length = 0;
    ASSERT_EQ(NtSetInformationKey(key.get(), KeyWow64FlagsInformation, &flags, sizeof flags), STATUS_SUCCESS);
    ASSERT_EQ(NtQueryKey(key.get(), KeyFlagsInformation, words, sizeof words, &length), STATUS_SUCCESS);
    EXPECT_EQ(words[0], 5u);
    EXPECT_EQ(words[1], 1u);
    EXPECT_EQ(key.remove(), STATUS_SUCCESS);
}

TEST_F(CmWow64, RunningOutOfMemoryOnTheWayLeavesNothing) {
    for (ULONG nth = 1;; nth++) {
        ASSERT_LT(nth, 50u);
        CmFailAllocation(nth);
        Key key = Key::open(kMachine + u"SOFTWARE\\Policies", KEY_READ | KEY_WOW64_32KEY);
        CmFailAllocation(0);
        if (key.status == STATUS_SUCCESS) {
            EXPECT_GT(nth, 5u);
            break;
        }
        ASSERT_EQ(key.status, STATUS_INSUFFICIENT_RESOURCES) << nth;
        ASSERT_EQ(statistics().KeyObjects, 0u);
    }
}

} // namespace
