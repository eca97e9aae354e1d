// SPDX-License-Identifier: MIT

#include "nt_security.h"

namespace {

TEST_F(SecurityTest, ListsGrantWhatTheySay) {
    Descriptor nothing, everything, empty;
    Acl none;
    empty.dacl(none.get());
    everything.dacl(nullptr);
    EXPECT_EQ(check(limited, nothing, GENERIC_READ), granted(KEY_READ));
    EXPECT_EQ(check(limited, everything, MAXIMUM_ALLOWED), granted(KEY_ALL_ACCESS));
    EXPECT_EQ(check(elevated, empty, KEY_QUERY_VALUE), kDenied);
    EXPECT_EQ(check(elevated, empty, MAXIMUM_ALLOWED), kDenied);
    EXPECT_EQ(check(elevated, nothing, 0), kDenied);

    Acl list;
    list.allow(kAdministrators, GENERIC_ALL).allow(kUsers, GENERIC_READ);
    Descriptor usual;
    usual.owner(kSystem).dacl(list.get());
    EXPECT_EQ(check(elevated, usual, GENERIC_ALL), granted(KEY_ALL_ACCESS));
    EXPECT_EQ(check(limited, usual, KEY_QUERY_VALUE), granted(KEY_QUERY_VALUE));
    EXPECT_EQ(check(limited, usual, KEY_SET_VALUE), kDenied);
    EXPECT_EQ(check(limited, usual, MAXIMUM_ALLOWED), granted(KEY_READ));
    EXPECT_EQ(check(limited, usual, MAXIMUM_ALLOWED | KEY_SET_VALUE), kDenied);
}

TEST_F(SecurityTest, TheFirstEntryThatMattersDecides) {
    Acl denyFirst, allowFirst, denyGroup, inheritOnly;
    denyFirst.deny(kUser, KEY_SET_VALUE).allow(kEveryone, KEY_ALL_ACCESS);
    allowFirst.allow(kEveryone, KEY_ALL_ACCESS).deny(kUser, KEY_SET_VALUE);
    Descriptor first, second, third, fourth;
    EXPECT_EQ(check(limited, first.dacl(denyFirst.get()), KEY_SET_VALUE), kDenied);
    EXPECT_EQ(check(limited, first, KEY_QUERY_VALUE), granted(KEY_QUERY_VALUE));
    EXPECT_EQ(check(limited, first, MAXIMUM_ALLOWED), granted(KEY_ALL_ACCESS & ~KEY_SET_VALUE));
    EXPECT_EQ(check(limited, second.dacl(allowFirst.get()), KEY_SET_VALUE), granted(KEY_SET_VALUE));
    // Administrators who are not elevated are still refused as such.
    denyGroup.deny(kAdministrators, KEY_SET_VALUE).allow(kEveryone, KEY_ALL_ACCESS);
    EXPECT_EQ(check(limited, third.dacl(denyGroup.get()), KEY_SET_VALUE), kDenied);
    inheritOnly.allow(kEveryone, KEY_ALL_ACCESS, CONTAINER_INHERIT_ACE | INHERIT_ONLY_ACE);
    EXPECT_EQ(check(limited, fourth.dacl(inheritOnly.get()), KEY_QUERY_VALUE), kDenied);
}

TEST_F(SecurityTest, OwnersMayReadAndChangeTheList) {
    Acl none, restricted;
    Descriptor owned, foreign, limitedOwner;
    owned.owner(kUser).dacl(none.get());
    foreign.owner(kStranger).dacl(none.get());
    EXPECT_EQ(check(limited, owned, READ_CONTROL | WRITE_DAC), granted(READ_CONTROL | WRITE_DAC));
    EXPECT_EQ(check(limited, owned, KEY_QUERY_VALUE), kDenied);
    EXPECT_EQ(check(limited, owned, MAXIMUM_ALLOWED), granted(READ_CONTROL | WRITE_DAC));
    EXPECT_EQ(check(limited, foreign, READ_CONTROL), kDenied);
    // An entry for owners replaces what they have by themselves.
    restricted.allow(kOwnerRights, KEY_QUERY_VALUE);
    limitedOwner.owner(kUser).dacl(restricted.get());
    EXPECT_EQ(check(limited, limitedOwner, WRITE_DAC), kDenied);
    EXPECT_EQ(check(limited, limitedOwner, KEY_QUERY_VALUE), granted(KEY_QUERY_VALUE));
}

TEST_F(SecurityTest, PrivilegesGrantWhatNoListDoes) {
    Acl list;
    list.allow(kEveryone, KEY_READ);
    Descriptor descriptor;
    descriptor.owner(kSystem).dacl(list.get());
    EXPECT_EQ(check(elevated, descriptor, ACCESS_SYSTEM_SECURITY | KEY_QUERY_VALUE),
              granted(ACCESS_SYSTEM_SECURITY | KEY_QUERY_VALUE));
    EXPECT_EQ(check(limited, descriptor, ACCESS_SYSTEM_SECURITY), (Result{STATUS_PRIVILEGE_NOT_HELD, 0}));
    EXPECT_EQ(check(elevated, descriptor, WRITE_OWNER), granted(WRITE_OWNER));
    EXPECT_EQ(check(limited, descriptor, WRITE_OWNER), kDenied);
    EXPECT_EQ(check(elevated, descriptor, WRITE_DAC), kDenied);
}

TEST_F(SecurityTest, KernelModeIsGrantedAllAndWhatWasGrantedStays) {
    Acl none;
    Descriptor closed;
    closed.dacl(none.get());
    EXPECT_EQ(checkHere(closed.get(), GENERIC_ALL, KernelMode), granted(KEY_ALL_ACCESS));
    EXPECT_EQ(checkHere(closed.get(), MAXIMUM_ALLOWED, KernelMode), granted(KEY_ALL_ACCESS));
    EXPECT_EQ(checkHere(closed.get(), KEY_QUERY_VALUE, UserMode, KEY_QUERY_VALUE), granted(KEY_QUERY_VALUE));
    EXPECT_EQ(checkHere(closed.get(), 0, UserMode, KEY_NOTIFY), granted(KEY_NOTIFY));
    EXPECT_EQ(checkHere(nullptr, KEY_QUERY_VALUE), kDenied);
}

TEST_F(SecurityTest, ClientsCountWhenTheyMayBeImpersonated) {
    Acl list;
    list.allow(kStranger, KEY_ALL_ACCESS);
    Descriptor descriptor;
    descriptor.dacl(list.get());
    auto thread = elevated->createThread();
    simulator::TokenOptions client = {.userSid = "S-1-5-21-1-2-3-4"};
    thread->impersonate(client, SecurityImpersonation);
    thread->run([&] { EXPECT_EQ(checkHere(descriptor.get(), KEY_SET_VALUE), granted(KEY_SET_VALUE)); });
    thread->impersonate(client, SecurityIdentification);
    thread->run([&] {
        EXPECT_EQ(checkHere(descriptor.get(), KEY_SET_VALUE), (Result{STATUS_BAD_IMPERSONATION_LEVEL, 0}));
    });
    thread->revert();
    thread->run([&] { EXPECT_EQ(checkHere(descriptor.get(), KEY_SET_VALUE), kDenied); });
}

TEST_F(SecurityTest, IntegrityComesBeforeTheList) {
    Acl list, high, secret;
    list.allow(kEveryone, KEY_ALL_ACCESS);
    Descriptor plain, labelled, unreadable;
    plain.owner(kUser).dacl(list.get());
    EXPECT_EQ(check(low, plain, KEY_READ), granted(KEY_READ));
    EXPECT_EQ(check(low, plain, KEY_SET_VALUE), kDenied);
    EXPECT_EQ(check(low, plain, WRITE_DAC), kDenied);
    EXPECT_EQ(check(low, plain, MAXIMUM_ALLOWED), granted(KEY_READ));
    EXPECT_EQ(check(limited, plain, KEY_SET_VALUE), granted(KEY_SET_VALUE));
    high.label(0x3000, SYSTEM_MANDATORY_LABEL_NO_WRITE_UP);
    labelled.dacl(list.get()).sacl(high.get());
    EXPECT_EQ(check(limited, labelled, KEY_SET_VALUE), kDenied);
    EXPECT_EQ(check(limited, labelled, KEY_READ), granted(KEY_READ));
    EXPECT_EQ(check(elevated, labelled, KEY_SET_VALUE), granted(KEY_SET_VALUE));
    secret.label(0x4000, SYSTEM_MANDATORY_LABEL_NO_READ_UP | SYSTEM_MANDATORY_LABEL_NO_WRITE_UP |
                             SYSTEM_MANDATORY_LABEL_NO_EXECUTE_UP);
    unreadable.dacl(list.get()).sacl(secret.get());
    EXPECT_EQ(check(elevated, unreadable, KEY_READ), kDenied);
}

TEST_F(SampleTest, TheSecurityOfADeviceDecidesWhoOpensIt) {
    load();
    auto file = open();
    UNICODE_STRING name = {28, 30, const_cast<PWCH>(u"\\Device\\Sample")};
    HANDLE handle = nullptr;
    IO_STATUS_BLOCK io;
    OBJECT_ATTRIBUTES attributes;
    InitializeObjectAttributes(&attributes, &name, OBJ_KERNEL_HANDLE, nullptr, nullptr);
    ASSERT_EQ(
        ZwCreateFile(&handle, GENERIC_READ, &attributes, &io, nullptr, 0, FILE_SHARE_READ, FILE_OPEN, 0, nullptr, 0),
        STATUS_SUCCESS);
    PVOID object;
    ASSERT_EQ(ObReferenceObjectByHandle(handle, 0, *IoFileObjectType, KernelMode, &object, nullptr), STATUS_SUCCESS);
    PDEVICE_OBJECT device = static_cast<PFILE_OBJECT>(object)->DeviceObject;
    HANDLE reader, nobody;
    ASSERT_EQ(ObOpenObjectByPointer(device, 0, nullptr, READ_CONTROL, nullptr, KernelMode, &reader), STATUS_SUCCESS);
    ASSERT_EQ(ObOpenObjectByPointer(device, 0, nullptr, SYNCHRONIZE, nullptr, KernelMode, &nobody), STATUS_SUCCESS);
    alignas(8) UCHAR bytes[512];
    ULONG needed = 0;
    EXPECT_EQ(NtQuerySecurityObject(reader, DACL_SECURITY_INFORMATION, nullptr, 0, &needed), STATUS_BUFFER_TOO_SMALL);
    EXPECT_EQ(NtQuerySecurityObject(reader, DACL_SECURITY_INFORMATION, bytes, sizeof bytes, &needed), STATUS_SUCCESS);
    EXPECT_TRUE(RtlValidRelativeSecurityDescriptor(bytes, needed, DACL_SECURITY_INFORMATION));
    EXPECT_EQ(NtQuerySecurityObject(nobody, DACL_SECURITY_INFORMATION, bytes, sizeof bytes, &needed),
              STATUS_ACCESS_DENIED);
    EXPECT_EQ(NtQuerySecurityObject(reader, SACL_SECURITY_INFORMATION, bytes, sizeof bytes, &needed),
              STATUS_ACCESS_DENIED);
    EXPECT_EQ(
        NtQuerySecurityObject(reader, DACL_SECURITY_INFORMATION, bytes, sizeof bytes, reinterpret_cast<PULONG>(8)),
        STATUS_ACCESS_VIOLATION);
    EXPECT_EQ(NtSetSecurityObject(reader, DACL_SECURITY_INFORMATION, bytes), STATUS_ACCESS_DENIED);
    EXPECT_EQ(NtSetSecurityObject(reader, DACL_SECURITY_INFORMATION, nullptr), STATUS_ACCESS_VIOLATION);
    ObDereferenceObject(object);
    NtClose(reader);
    NtClose(nobody);
    ZwClose(handle);
    file.reset();
    unload();
}

} // namespace
