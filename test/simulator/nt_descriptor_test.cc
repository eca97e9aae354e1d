// SPDX-License-Identifier: MIT

#include "nt_security.h"

#include <set>
#include <sys/mman.h>

namespace {

TEST_F(AssignTest, WithoutParentAndWishTheTokenDecides) {
    EXPECT_EQ(assign(elevated, nullptr, nullptr), "O:BA G:513 D:(0;0;f003f;BA)(0;0;f003f;SY)");
    EXPECT_EQ(assign(limited, nullptr, nullptr), "O:me G:513 D:(0;0;f003f;me)(0;0;f003f;SY)");
}

TEST_F(AssignTest, ContainersInherit) {
    Acl list;
    list.allow(kUsers, KEY_READ, CONTAINER_INHERIT_ACE)
        .allow(kEveryone, KEY_QUERY_VALUE)
        .allow(kAdministrators, GENERIC_ALL, CONTAINER_INHERIT_ACE)
        .allow(kCreatorOwner, GENERIC_ALL, CONTAINER_INHERIT_ACE | INHERIT_ONLY_ACE)
        .deny(kStranger, KEY_SET_VALUE, CONTAINER_INHERIT_ACE | NO_PROPAGATE_INHERIT_ACE)
        .allow(kSystem, KEY_READ, OBJECT_INHERIT_ACE);
    Descriptor parent;
    parent.owner(kSystem).dacl(list.get());
    EXPECT_EQ(assign(limited, parent.get(), nullptr),
              "O:me G:513 D:(0;2;20019;BU)(0;0;f003f;BA)(0;a;10000000;BA)(0;0;f003f;me)(0;a;10000000;CO)"
              "(1;0;2;other)(0;9;20019;SY)");
    EXPECT_EQ(assign(limited, parent.get(), nullptr, 0, false), "O:me G:513 D:(0;0;20019;SY)");
    // Only descendants of marked lists are marked.
    parent.value_.Control |= SE_DACL_AUTO_INHERITED;
    EXPECT_EQ(assign(limited, parent.get(), nullptr, 0, false), "O:me G:513 D:(0;10;20019;SY)");
}

TEST_F(AssignTest, AWishComesFirst) {
    Acl inherited, wanted;
    inherited.allow(kUsers, KEY_READ, CONTAINER_INHERIT_ACE);
    wanted.allow(kEveryone, GENERIC_READ);
    Descriptor parent, wish, open;
    parent.owner(kSystem).dacl(inherited.get());
    wish.owner(kUser).group(kUsers).dacl(wanted.get());
    open.dacl(nullptr);
    EXPECT_EQ(assign(elevated, parent.get(), wish.get()), "O:me G:BU D:(0;0;20019;WD)");
    EXPECT_EQ(assign(elevated, parent.get(), wish.get(), SEF_DACL_AUTO_INHERIT),
              "O:me G:BU D:(0;0;20019;WD)(0;12;20019;BU)");
    wish.value_.Control |= SE_DACL_PROTECTED;
    EXPECT_EQ(assign(elevated, parent.get(), wish.get(), SEF_DACL_AUTO_INHERIT), "O:me G:BU D:(0;0;20019;WD)");
    wish.value_.Control &= static_cast<USHORT>(~SE_DACL_PROTECTED);
    wish.value_.Control |= SE_DACL_DEFAULTED;
    EXPECT_EQ(assign(elevated, parent.get(), wish.get()), "O:me G:BU D:(0;2;20019;BU)");
    EXPECT_EQ(assign(elevated, parent.get(), open.get()), "O:BA G:513 D:all");
    EXPECT_EQ(assign(limited, parent.get(), nullptr, SEF_DEFAULT_OWNER_FROM_PARENT), "O:SY G:513 D:(0;2;20019;BU)");
}

TEST_F(AssignTest, SomeWishesNeedPrivileges) {
    Descriptor foreign, audited;
    foreign.owner(kStranger);
    EXPECT_EQ(assign(limited, nullptr, foreign.get()), "");
    EXPECT_EQ(status, STATUS_INVALID_OWNER);
    EXPECT_NE(assign(elevated, nullptr, foreign.get()), "");
    Acl audits;
    alignas(4) UCHAR bytes[8 + 12] = {};
    auto ace = reinterpret_cast<PSYSTEM_AUDIT_ACE>(bytes);
    ace->Header = {SYSTEM_AUDIT_ACE_TYPE, 0x40, sizeof bytes};
    ace->Mask = KEY_SET_VALUE;
    std::memcpy(&ace->SidStart, kEveryone.bytes, 12);
    ASSERT_EQ(RtlAddAce(audits.get(), ACL_REVISION, 0, bytes, sizeof bytes), STATUS_SUCCESS);
    audited.sacl(audits.get());
    EXPECT_EQ(assign(limited, nullptr, audited.get()), "");
    EXPECT_EQ(status, STATUS_PRIVILEGE_NOT_HELD);
    EXPECT_EQ(assign(elevated, nullptr, audited.get()), "O:BA G:513 D:(0;0;f003f;BA)(0;0;f003f;SY) S:(2;40;2;WD)");
    Acl high;
    high.label(0x3000, SYSTEM_MANDATORY_LABEL_NO_WRITE_UP);
    Descriptor lifted;
    lifted.sacl(high.get());
    EXPECT_EQ(assign(limited, nullptr, lifted.get()), "");
    EXPECT_EQ(status, STATUS_INVALID_LABEL);
    EXPECT_NE(assign(elevated, nullptr, lifted.get()), "");
    EXPECT_EQ(assign(low, nullptr, nullptr), "O:me G:513 D:(0;0;f003f;me)(0;0;f003f;SY) S:(17;0;1;4096)");
}

TEST_F(AssignTest, SetsAndQueriesParts) {
    Acl first, second, label;
    first.allow(kEveryone, KEY_READ);
    second.allow(kUsers, GENERIC_ALL, CONTAINER_INHERIT_ACE).deny(kStranger, KEY_READ);
    label.label(0x3000, 1);
    Descriptor start, change;
    GENERIC_MAPPING mapping = kMapping;
    PSECURITY_DESCRIPTOR object = nullptr, former;
    start.owner(kUser).group(kUsers).dacl(first.get());
    ASSERT_EQ(SeCaptureSecurityDescriptor(start.get(), KernelMode, PagedPool, TRUE, &object), STATUS_SUCCESS);
    auto set = [&](SECURITY_INFORMATION information) {
        former = object;
        NTSTATUS result =
            SeSetSecurityDescriptorInfo(nullptr, &information, change.get(), &object, PagedPool, &mapping);
        EXPECT_EQ(former != object, NT_SUCCESS(result));
        if (NT_SUCCESS(result)) {
            SeDeassignSecurity(&former);
        }
        return result;
    };
    auto query = [&](SECURITY_INFORMATION information) {
        ULONG needed = 0;
        EXPECT_EQ(SeQuerySecurityDescriptorInfo(&information, nullptr, &needed, &object), STATUS_BUFFER_TOO_SMALL);
        std::vector<UCHAR> bytes(needed);
        EXPECT_EQ(SeQuerySecurityDescriptorInfo(&information, bytes.data(), &needed, &object), STATUS_SUCCESS);
        EXPECT_TRUE(RtlValidRelativeSecurityDescriptor(bytes.data(), needed, 0));
        return describe(bytes.data());
    };
    change.dacl(second.get()).sacl(label.get());
    EXPECT_EQ(set(DACL_SECURITY_INFORMATION), STATUS_SUCCESS);
    EXPECT_EQ(describe(object), "O:me G:BU D:(0;2;f003f;BU)(1;0;20019;other)");
    EXPECT_EQ(set(LABEL_SECURITY_INFORMATION), STATUS_SUCCESS);
    EXPECT_EQ(query(OWNER_SECURITY_INFORMATION), "O:me G:-");
    EXPECT_EQ(query(GROUP_SECURITY_INFORMATION | LABEL_SECURITY_INFORMATION), "O:- G:BU S:(17;0;1;12288)");
    EXPECT_EQ(query(SACL_SECURITY_INFORMATION), "O:- G:- S:");
    EXPECT_EQ(set(SACL_SECURITY_INFORMATION), STATUS_SUCCESS);
    EXPECT_EQ(query(LABEL_SECURITY_INFORMATION), "O:- G:- S:(17;0;1;12288)");
    EXPECT_EQ(set(OWNER_SECURITY_INFORMATION), STATUS_INVALID_OWNER);
    EXPECT_EQ(set(GROUP_SECURITY_INFORMATION), STATUS_INVALID_PRIMARY_GROUP);
    change.owner(kAdministrators).group(kSystem);
    EXPECT_EQ(set(OWNER_SECURITY_INFORMATION | GROUP_SECURITY_INFORMATION), STATUS_SUCCESS);
    EXPECT_EQ(query(OWNER_SECURITY_INFORMATION | GROUP_SECURITY_INFORMATION), "O:BA G:SY");
    EXPECT_EQ(set(DACL_SECURITY_INFORMATION | PROTECTED_DACL_SECURITY_INFORMATION), STATUS_SUCCESS);
    EXPECT_TRUE(static_cast<PISECURITY_DESCRIPTOR>(object)->Control & SE_DACL_PROTECTED);
    // Somebody else may not become the owner by a limited user's will.
    limited->createThread()->run([&] {
        change.owner(kStranger);
        EXPECT_EQ(set(OWNER_SECURITY_INFORMATION), STATUS_INVALID_OWNER);
    });
    UCHAR page[64];
    SECURITY_INFORMATION owner = OWNER_SECURITY_INFORMATION;
    ULONG length = sizeof page;
    SimRegisterUserRange(page, sizeof page);
    SimSetUserRangeAccess(page, TRUE, FALSE);
    EXPECT_EQ(SeQuerySecurityDescriptorInfo(&owner, page, &length, &object), STATUS_ACCESS_VIOLATION);
    SimUnregisterUserRange(page);
    SeDeassignSecurity(&object);
    EXPECT_EQ(SeSetSecurityDescriptorInfo(nullptr, &owner, change.get(), &object, PagedPool, &mapping),
              STATUS_NO_SECURITY_ON_OBJECT);
}

// Lies at the end of a page, so that a sanitizer is not needed to see a read beyond.
class CaptureTest : public AssignTest {
  protected:
    CaptureTest() {
        page_ = static_cast<UCHAR *>(
            mmap(nullptr, 2 * PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
        mprotect(page_ + PAGE_SIZE, PAGE_SIZE, PROT_NONE);
        SimRegisterUserRange(page_ + PAGE_SIZE, PAGE_SIZE);
        SimSetUserRangeAccess(page_ + PAGE_SIZE, FALSE, FALSE);
    }
    ~CaptureTest() override {
        SimUnregisterUserRange(page_ + PAGE_SIZE);
        munmap(page_, 2 * PAGE_SIZE);
    }
    UCHAR *atEnd(const std::vector<UCHAR> &bytes) {
        UCHAR *at = page_ + PAGE_SIZE - bytes.size();
        std::memcpy(at, bytes.data(), bytes.size());
        return at;
    }
    NTSTATUS capture(PSECURITY_DESCRIPTOR from) {
        PSECURITY_DESCRIPTOR captured = nullptr;
        NTSTATUS result = SeCaptureSecurityDescriptor(from, UserMode, PagedPool, FALSE, &captured);
        EXPECT_EQ(captured != nullptr, NT_SUCCESS(result) && from != nullptr);
        if (captured != nullptr) {
            EXPECT_TRUE(RtlValidRelativeSecurityDescriptor(captured, RtlLengthSecurityDescriptor(captured), 0));
        }
        SeReleaseSecurityDescriptor(captured, UserMode, FALSE);
        return result;
    }
    std::vector<UCHAR> sample() {
        Acl list;
        list.allow(kEveryone, KEY_READ).allow(kUser, KEY_ALL_ACCESS);
        list.get()->AclSize = sizeof(ACL) + 20 + 36;
        Descriptor descriptor;
        descriptor.owner(kUser).group(kUsers).dacl(list.get());
        ULONG size = 0;
        RtlAbsoluteToSelfRelativeSD(descriptor.get(), nullptr, &size);
        std::vector<UCHAR> bytes(size);
        EXPECT_EQ(RtlAbsoluteToSelfRelativeSD(descriptor.get(), bytes.data(), &size), STATUS_SUCCESS);
        return bytes;
    }

  private:
    UCHAR *page_;
};

TEST_F(CaptureTest, TakesBothForms) {
    Acl list;
    list.allow(kEveryone, KEY_READ);
    Descriptor absolute;
    absolute.owner(kUser).dacl(list.get());
    EXPECT_EQ(capture(absolute.get()), STATUS_SUCCESS);
    EXPECT_EQ(capture(atEnd(sample())), STATUS_SUCCESS);
    EXPECT_EQ(capture(nullptr), STATUS_SUCCESS);
    PSECURITY_DESCRIPTOR same = nullptr;
    EXPECT_EQ(SeCaptureSecurityDescriptor(absolute.get(), KernelMode, PagedPool, FALSE, &same), STATUS_SUCCESS);
    EXPECT_EQ(same, absolute.get());
    EXPECT_EQ(SeReleaseSecurityDescriptor(same, KernelMode, FALSE), STATUS_SUCCESS);
}

TEST_F(CaptureTest, SurvivesEveryCutAndEveryByte) {
    const std::vector<UCHAR> whole = sample();
    for (size_t length = 1; length < whole.size(); ++length) {
        std::vector<UCHAR> cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length));
        EXPECT_EQ(capture(atEnd(cut)), STATUS_ACCESS_VIOLATION) << length;
    }
    const std::set<NTSTATUS> answers = {STATUS_SUCCESS, STATUS_ACCESS_VIOLATION, STATUS_UNKNOWN_REVISION,
                                        STATUS_INVALID_SID, STATUS_INVALID_ACL};
    for (size_t i = 0; i < whole.size(); ++i) {
        // Offsets stay small: what lies farther away is not the simulated process's memory.
        if (i >= offsetof(SECURITY_DESCRIPTOR_RELATIVE, Owner) && i < sizeof(SECURITY_DESCRIPTOR_RELATIVE) &&
            i % 4 != 0) {
            continue;
        }
        for (UCHAR value : {0, 1, 2, 3, 7, 8, 15, 16, 0x7F, 0x80, 0xFF}) {
            std::vector<UCHAR> changed = whole;
            changed[i] = value;
            EXPECT_EQ(answers.count(capture(atEnd(changed))), 1u) << i << " " << +value;
        }
    }
    EXPECT_EQ(capture(reinterpret_cast<PSECURITY_DESCRIPTOR>(8)), STATUS_ACCESS_VIOLATION);
}

} // namespace
