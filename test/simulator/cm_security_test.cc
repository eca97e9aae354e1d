// SPDX-License-Identifier: MIT
//
// Querying and setting the descriptors of keys.

#include <cstring>

#include "cm_descriptor.h"

using namespace cm_test;

namespace {

class CmSecurity : public CmTest {
  protected:
    NTSTATUS query(const Key &key, SECURITY_INFORMATION information, ULONG length) {
        return NtQuerySecurityObject(key.get(), information, buffer_, length, &needed_);
    }
    // The list of the descriptor that was queried last.
    PACL list() {
        BOOLEAN present = FALSE, defaulted;
        PACL acl = nullptr;
        RtlGetDaclSecurityDescriptor(buffer_, &present, &acl, &defaulted);
        return present ? acl : nullptr;
    }

    alignas(8) UCHAR buffer_[1024];
    ULONG needed_ = 0;
};

TEST_F(CmSecurity, IsQueriedInParts) {
    Key key = scratch();
    const SECURITY_INFORMATION all =
        OWNER_SECURITY_INFORMATION | GROUP_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION;
    EXPECT_EQ(query(key, all, 0), STATUS_BUFFER_TOO_SMALL);
    ULONG whole = needed_;
    EXPECT_GT(whole, sizeof(SECURITY_DESCRIPTOR_RELATIVE));
    std::memset(buffer_, 0xCC, sizeof buffer_);
    EXPECT_EQ(query(key, all, whole - 1), STATUS_BUFFER_TOO_SMALL);
    EXPECT_EQ(needed_, whole);
    EXPECT_EQ(buffer_[0], 0xCC);
    ASSERT_EQ(query(key, all, sizeof buffer_), STATUS_SUCCESS);
    EXPECT_EQ(needed_, whole);
    EXPECT_EQ(buffer_[whole], 0xCC);
    EXPECT_TRUE(RtlValidSecurityDescriptor(buffer_));
    ASSERT_NE(list(), nullptr);
    EXPECT_GT(list()->AceCount, 2u);
    ASSERT_EQ(query(key, OWNER_SECURITY_INFORMATION, sizeof buffer_), STATUS_SUCCESS);
    EXPECT_LT(needed_, whole);
    EXPECT_EQ(list(), nullptr);
    EXPECT_EQ(key.remove(), STATUS_SUCCESS);
    EXPECT_EQ(query(key, all, sizeof buffer_), STATUS_KEY_DELETED);
}

TEST_F(CmSecurity, AQueryIsReportedWithTheBufferOfTheCaller) {
    Key key = scratch();
    REG_QUERY_KEY_SECURITY_INFORMATION seen{};
    SECURITY_INFORMATION asked = 0;
    ULONG room = 0, used = 0;
    Filter filter('f', u"385100", &log_, {RegNtPreQueryKeySecurity, RegNtPostQueryKeySecurity},
                  [&](ULONG notifyClass, void *information) {
                      if (notifyClass == RegNtPreQueryKeySecurity) {
                          seen = *static_cast<REG_QUERY_KEY_SECURITY_INFORMATION *>(information);
                          asked = *seen.SecurityInformation;
                          room = *seen.Length;
                      } else {
                          EXPECT_EQ(post(information)->Object, seen.Object);
                          used = *seen.Length;
                      }
                      return STATUS_SUCCESS;
                  });
    EXPECT_EQ(query(key, DACL_SECURITY_INFORMATION, sizeof buffer_), STATUS_SUCCESS);
    EXPECT_EQ(query(key, DACL_SECURITY_INFORMATION, 8), STATUS_BUFFER_TOO_SMALL);
    EXPECT_EQ(log_.take(), (std::vector<Call>{{'f', RegNtPreQueryKeySecurity, 0},
                                              {'f', RegNtPostQueryKeySecurity, 0},
                                              {'f', RegNtPreQueryKeySecurity, 0},
                                              {'f', RegNtPostQueryKeySecurity, STATUS_BUFFER_TOO_SMALL}}));
    EXPECT_EQ(seen.Object, key.object());
    EXPECT_EQ(seen.SecurityDescriptor, static_cast<PVOID>(buffer_));
    EXPECT_EQ(asked, SECURITY_INFORMATION{DACL_SECURITY_INFORMATION});
    EXPECT_EQ(room, 8u);
    EXPECT_EQ(used, needed_);
    EXPECT_EQ(key.remove(), STATUS_SUCCESS);
}

TEST_F(CmSecurity, AFilterCanAnswerAQueryItself) {
    Key key = scratch();
    Filter filter('f', u"385100", nullptr, {RegNtPreQueryKeySecurity}, [&](ULONG, void *information) {
        auto info = static_cast<REG_QUERY_KEY_SECURITY_INFORMATION *>(information);
        RtlZeroMemory(info->SecurityDescriptor, sizeof(SECURITY_DESCRIPTOR_RELATIVE));
        *info->Length = sizeof(SECURITY_DESCRIPTOR_RELATIVE);
        return STATUS_CALLBACK_BYPASS;
    });
    EXPECT_EQ(query(key, DACL_SECURITY_INFORMATION, sizeof buffer_), STATUS_SUCCESS);
    EXPECT_EQ(needed_, sizeof(SECURITY_DESCRIPTOR_RELATIVE));
    filter.stop();
    EXPECT_EQ(key.remove(), STATUS_SUCCESS);
}

TEST_F(CmSecurity, SettingItIsReportedAndDecidesLaterOpens) {
    Key key = scratch();
    Descriptor closed({{SeExports->SeLocalSystemSid, KEY_ALL_ACCESS}});
    SECURITY_INFORMATION asked = 0;
    bool captured = false;
    Filter filter('f', u"385100", &log_, {RegNtPreSetKeySecurity, RegNtPostSetKeySecurity},
                  [&](ULONG notifyClass, void *information) {
                      if (notifyClass == RegNtPreSetKeySecurity) {
                          auto info = static_cast<REG_SET_KEY_SECURITY_INFORMATION *>(information);
                          EXPECT_EQ(info->Object, key.object());
                          asked = *info->SecurityInformation;
                          captured = info->SecurityDescriptor != closed.get() &&
                                     RtlValidSecurityDescriptor(info->SecurityDescriptor);
                      }
                      return STATUS_SUCCESS;
                  });
    EXPECT_EQ(NtSetSecurityObject(key.get(), DACL_SECURITY_INFORMATION, closed.get()), STATUS_SUCCESS);
    EXPECT_EQ(log_.take(), (std::vector<Call>{{'f', RegNtPreSetKeySecurity, 0}, {'f', RegNtPostSetKeySecurity, 0}}));
    EXPECT_EQ(asked, SECURITY_INFORMATION{DACL_SECURITY_INFORMATION});
    EXPECT_TRUE(captured);
    EXPECT_EQ(tryOpen(kScratch, KEY_READ), STATUS_ACCESS_DENIED);
    // The handle keeps its rights; the owner stays.
    EXPECT_EQ(key.set(u"v", 1), STATUS_SUCCESS);
    ASSERT_EQ(query(key, DACL_SECURITY_INFORMATION | OWNER_SECURITY_INFORMATION, sizeof buffer_), STATUS_SUCCESS);
    EXPECT_EQ(list()->AceCount, 1u);
    PSID owner = nullptr;
    BOOLEAN defaulted;
    RtlGetOwnerSecurityDescriptor(buffer_, &owner, &defaulted);
    EXPECT_NE(owner, nullptr);
    filter.stop();
    EXPECT_EQ(key.remove(), STATUS_SUCCESS);
    EXPECT_EQ(NtSetSecurityObject(key.get(), DACL_SECURITY_INFORMATION, closed.get()), STATUS_KEY_DELETED);
}

TEST_F(CmSecurity, ABlockedChangeChangesNothing) {
    Key key = scratch();
    Descriptor closed({{SeExports->SeLocalSystemSid, KEY_ALL_ACCESS}});
    Filter filter('f', u"385100", nullptr, {RegNtPreSetKeySecurity},
                  [](ULONG, void *) { return STATUS_ACCESS_DENIED; });
    EXPECT_EQ(NtSetSecurityObject(key.get(), DACL_SECURITY_INFORMATION, closed.get()), STATUS_ACCESS_DENIED);
    EXPECT_EQ(tryOpen(kScratch, KEY_READ), STATUS_SUCCESS);
    filter.stop();
    EXPECT_EQ(key.remove(), STATUS_SUCCESS);
}

TEST_F(CmSecurity, EachPartNeedsItsRight) {
    Key key = scratch();
    Descriptor given({{SeExports->SeWorldSid, KEY_ALL_ACCESS}});
    Filter filter('f', u"385100", &log_, {RegNtPreQueryKeySecurity, RegNtPreSetKeySecurity});
    Key reader = Key::open(kScratch, KEY_QUERY_VALUE);
    EXPECT_EQ(query(reader, DACL_SECURITY_INFORMATION, sizeof buffer_), STATUS_ACCESS_DENIED);
    EXPECT_EQ(query(key, SACL_SECURITY_INFORMATION, sizeof buffer_), STATUS_ACCESS_DENIED);
    Key controller = Key::open(kScratch, READ_CONTROL);
    EXPECT_EQ(NtSetSecurityObject(controller.get(), DACL_SECURITY_INFORMATION, given.get()), STATUS_ACCESS_DENIED);
    EXPECT_EQ(NtSetSecurityObject(controller.get(), OWNER_SECURITY_INFORMATION, given.get()), STATUS_ACCESS_DENIED);
    EXPECT_TRUE(log_.take().empty()); // refused before callbacks
    Key auditor = Key::open(kScratch, ACCESS_SYSTEM_SECURITY);
    EXPECT_EQ(query(auditor, SACL_SECURITY_INFORMATION, sizeof buffer_), STATUS_SUCCESS);
    EXPECT_EQ(query(controller, DACL_SECURITY_INFORMATION, sizeof buffer_), STATUS_SUCCESS);
    filter.stop();
    EXPECT_EQ(key.remove(), STATUS_SUCCESS);
}

TEST_F(CmSecurity, EveryOperationSurvivesLackOfMemoryAtEveryAllocation) {
    Descriptor given({{SeExports->SeWorldSid, KEY_ALL_ACCESS}});
    Key key, parent = scratch(u"Parent");
    const std::vector<std::function<NTSTATUS()>> operations = {
        [&] {
            key = Key::createAs(kScratch, {.options = REG_OPTION_VOLATILE, .descriptor = given.get()});
            return key.status;
        },
        [&] { return query(key, DACL_SECURITY_INFORMATION, sizeof buffer_); },
        [&] { return NtSetSecurityObject(key.get(), DACL_SECURITY_INFORMATION, given.get()); },
        [&] { return tryOpen(kScratch, KEY_READ); },
    };
    for (size_t i = 0; i < operations.size(); i++) {
        NTSTATUS status = STATUS_INSUFFICIENT_RESOURCES;
        for (ULONG nth = 1; status == STATUS_INSUFFICIENT_RESOURCES; nth++) {
            ASSERT_LT(nth, 50u);
            CmFailAllocation(nth);
            status = operations[i]();
            CmFailAllocation(0);
            if (i == 0 && status != STATUS_SUCCESS) {
                ASSERT_EQ(tryOpen(kScratch, KEY_READ), STATUS_OBJECT_NAME_NOT_FOUND) << nth;
            }
        }
        EXPECT_EQ(status, STATUS_SUCCESS) << "operation " << i;
    }
    EXPECT_EQ(key.remove(), STATUS_SUCCESS);
    EXPECT_EQ(parent.remove(), STATUS_SUCCESS);
}

} // namespace
