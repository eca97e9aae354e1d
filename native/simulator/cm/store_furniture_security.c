// SPDX-License-Identifier: MIT
//
// Who may do what in the registry of a freshly installed machine. One descriptor for each hive: its keys have inherited
// it, and differ from it only where somebody set another.

#include "cmp.h"
#include "store_furniture.h"
#include "store_memory.h"

#define CM_MAX_DESCRIPTOR 512

typedef struct _CM_SID {
    UCHAR Authority;
    UCHAR Count;
    ULONG Parts[6];
} CM_SID;

typedef struct _CM_GRANT {
    const CM_SID *Sid;
    UCHAR Flags;
    ACCESS_MASK Access;
} CM_GRANT;

static const CM_SID CmpEveryone = {1, 1, {0}}, CmpCreatorOwner = {3, 1, {0}}, CmpRestrictedCode = {5, 1, {12}},
                    CmpSystemSid = {5, 1, {18}}, CmpAdministrators = {5, 2, {32, 544}}, CmpUsersSid = {5, 2, {32, 545}};

#define CM_INHERIT CONTAINER_INHERIT_ACE
#define CM_INHERIT_ONLY (CONTAINER_INHERIT_ACE | INHERIT_ONLY_ACE)

static const CM_GRANT CmpFrameGrants[] = {{&CmpSystemSid, CM_INHERIT, KEY_ALL_ACCESS},
                                          {&CmpAdministrators, CM_INHERIT, KEY_ALL_ACCESS},
                                          {&CmpEveryone, CM_INHERIT, KEY_READ},
                                          {&CmpRestrictedCode, CM_INHERIT, KEY_READ}};
static const CM_GRANT CmpMachineGrants[] = {{&CmpCreatorOwner, CM_INHERIT_ONLY, KEY_ALL_ACCESS},
                                            {&CmpSystemSid, CM_INHERIT, KEY_ALL_ACCESS},
                                            {&CmpAdministrators, CM_INHERIT, KEY_ALL_ACCESS},
                                            {&CmpUsersSid, CM_INHERIT, KEY_READ}};
// Secrets: administrators may look at the descriptor and change it, no more.
static const CM_GRANT CmpSecretGrants[] = {{&CmpSystemSid, CM_INHERIT, KEY_ALL_ACCESS},
                                           {&CmpAdministrators, CM_INHERIT, READ_CONTROL | WRITE_DAC}};

static ULONG CmpPutSid(PUCHAR To, const CM_SID *Sid) {
    static const UCHAR Head[7] = {0};
    ULONG Length = 8 + Sid->Count * sizeof(ULONG);

    RtlCopyMemory(To, Head, sizeof(Head));
    To[0] = 1; // revision
    To[1] = Sid->Count;
    To[7] = Sid->Authority;
    RtlCopyMemory(To + 8, Sid->Parts, Sid->Count * sizeof(ULONG));
    return Length;
}

static ULONG CmpPutGrant(PUCHAR To, const CM_GRANT *Grant) {
    ACCESS_ALLOWED_ACE Ace = {.Header = {.AceType = ACCESS_ALLOWED_ACE_TYPE, .AceFlags = Grant->Flags},
                              .Mask = Grant->Access};
    ULONG Length = FIELD_OFFSET(ACCESS_ALLOWED_ACE, SidStart);

    Length += CmpPutSid(To + Length, Grant->Sid);
    Ace.Header.AceSize = (USHORT)Length;
    RtlCopyMemory(To, &Ace, FIELD_OFFSET(ACCESS_ALLOWED_ACE, SidStart));
    return Length;
}

static ULONG CmpBuildDescriptor(PUCHAR To, const CM_SID *Owner, const CM_GRANT *Grants, ULONG Count) {
    SECURITY_DESCRIPTOR_RELATIVE Descriptor = {.Revision = SECURITY_DESCRIPTOR_REVISION,
                                               .Control = SE_SELF_RELATIVE | SE_DACL_PRESENT | SE_DACL_PROTECTED};
    ACL Acl = {.AclRevision = ACL_REVISION, .AceCount = (USHORT)Count};
    ULONG Length = sizeof(Descriptor), AclLength = sizeof(Acl);

    Descriptor.Dacl = Length;
    for (ULONG i = 0; i < Count; i++) {
        AclLength += CmpPutGrant(To + Length + AclLength, &Grants[i]);
    }
    Acl.AclSize = (USHORT)AclLength;
    RtlCopyMemory(To + Length, &Acl, sizeof(Acl));
    Length += AclLength;
    Descriptor.Owner = Length;
    Length += CmpPutSid(To + Length, Owner);
    Descriptor.Group = Length;
    Length += CmpPutSid(To + Length, &CmpSystemSid);
    RtlCopyMemory(To, &Descriptor, sizeof(Descriptor));
    NT_ASSERT(Length <= CM_MAX_DESCRIPTOR);
    return Length;
}

// The account that a name like S-1-5-21-1-2-3-1013 or S-1-5-21-1-2-3-1013_Classes stands for.
static BOOLEAN CmpParseAccount(PCUNICODE_STRING Name, CM_SID *Sid) {
    ULONG Numbers[8] = {0}, Count = 0;

    if (Name->Length < 2 * sizeof(WCHAR) || Name->Buffer[0] != L'S') {
        return FALSE;
    }
    for (ULONG i = 1; i < Name->Length / sizeof(WCHAR) && Name->Buffer[i] != L'_'; i++) {
        WCHAR Character = Name->Buffer[i];

        if (Character == L'-') {
            if (++Count > RTL_NUMBER_OF(Numbers)) {
                return FALSE;
            }
        } else if (Character < L'0' || Character > L'9' || Count == 0) {
            return FALSE;
        } else {
            Numbers[Count - 1] = Numbers[Count - 1] * 10 + (Character - L'0');
        }
    }
    if (Count < 3) {
        return FALSE;
    }
    Sid->Authority = (UCHAR)Numbers[1];
    Sid->Count = (UCHAR)(Count - 2);
    RtlCopyMemory(Sid->Parts, Numbers + 2, (Count - 2) * sizeof(ULONG));
    return TRUE;
}

static NTSTATUS CmpSecureTree(PCM_MEMORY_STORE Memory, CM_NODE Node, const UCHAR *Descriptor, ULONG Length) {
    NTSTATUS Status = CmpSetNodeSecurity(Memory, Node, Descriptor, Length);

    // As deep as the tables of furniture nest.
    for (ULONG i = 0; NT_SUCCESS(Status) && i < Node->Children.Count; i++) {
        Status = CmpSecureTree(Memory, Node->Children.Items[i], Descriptor, Length);
    }
    return Status;
}

static NTSTATUS CmpSecureUser(PCM_MEMORY_STORE Memory, CM_NODE Hive) {
    UCHAR Descriptor[CM_MAX_DESCRIPTOR];
    CM_SID Account;
    CM_GRANT Grants[] = {{&Account, CM_INHERIT | OBJECT_INHERIT_ACE, KEY_ALL_ACCESS},
                         {&CmpSystemSid, CM_INHERIT | OBJECT_INHERIT_ACE, KEY_ALL_ACCESS},
                         {&CmpAdministrators, CM_INHERIT | OBJECT_INHERIT_ACE, KEY_ALL_ACCESS},
                         {&CmpRestrictedCode, CM_INHERIT | OBJECT_INHERIT_ACE, KEY_READ}};
    ULONG Length;

    if (CmpParseAccount(&Hive->Name, &Account)) {
        Length = CmpBuildDescriptor(Descriptor, &CmpAdministrators, Grants, RTL_NUMBER_OF(Grants));
    } else { // .DEFAULT
        Length = CmpBuildDescriptor(Descriptor, &CmpAdministrators, CmpMachineGrants, RTL_NUMBER_OF(CmpMachineGrants));
    }
    return CmpSecureTree(Memory, Hive, Descriptor, Length);
}

static BOOLEAN CmpKeepsSecrets(CM_NODE Hive) {
    UNICODE_STRING Name;

    RtlInitUnicodeString(&Name, L"SECURITY");
    return RtlEqualUnicodeString(&Hive->Name, &Name, TRUE);
}

static NTSTATUS CmpSecureMachineHive(PCM_MEMORY_STORE Memory, CM_NODE Hive) {
    UCHAR Descriptor[CM_MAX_DESCRIPTOR];
    BOOLEAN Secret = CmpKeepsSecrets(Hive);
    ULONG Length = CmpBuildDescriptor(Descriptor, &CmpAdministrators, Secret ? CmpSecretGrants : CmpMachineGrants,
                                      Secret ? RTL_NUMBER_OF(CmpSecretGrants) : RTL_NUMBER_OF(CmpMachineGrants));

    return CmpSecureTree(Memory, Hive, Descriptor, Length);
}

NTSTATUS CmpSecureFurniture(PCM_MEMORY_STORE Memory) {
    UCHAR Descriptor[CM_MAX_DESCRIPTOR];
    ULONG Length = CmpBuildDescriptor(Descriptor, &CmpSystemSid, CmpFrameGrants, RTL_NUMBER_OF(CmpFrameGrants));
    UNICODE_STRING User;
    NTSTATUS Status = CmpSecureTree(Memory, Memory->Root, Descriptor, Length);

    RtlInitUnicodeString(&User, L"USER");
    for (ULONG i = 0; NT_SUCCESS(Status) && i < Memory->Root->Children.Count; i++) {
        CM_NODE Frame = Memory->Root->Children.Items[i];
        BOOLEAN Users = RtlEqualUnicodeString(&Frame->Name, &User, TRUE);

        for (ULONG j = 0; NT_SUCCESS(Status) && j < Frame->Children.Count; j++) {
            CM_NODE Hive = Frame->Children.Items[j];

            Status = Users ? CmpSecureUser(Memory, Hive) : CmpSecureMachineHive(Memory, Hive);
        }
    }
    return Status;
}
