// SPDX-License-Identifier: MIT

#include "notify_class.h"

#define PRE(post, key, body, structure)                                                                                \
    {                                                                                                                  \
        .Phase = NotifyPhasePre, .Partner = (post), .Key = (key), .Body = (body),                                      \
        .CallContext = (UCHAR)FIELD_OFFSET(structure, CallContext)                                                     \
    }
#define POST(pre, body, live)                                                                                          \
    { .Phase = NotifyPhasePost, .Partner = (pre), .Body = (body), .PostObjectLive = (live) }

// Post is not a fixed distance from pre, so the pairs are written out. A post's Object is taken for live only where
// every source agrees: not after close, load, unload, delete, replace or create/open (which have a rule of their own),
// and not after rename, whose object carries another name by then.
static const NOTIFY_CLASS NotifyClasses[CMB_MAX_NOTIFY_CLASS + 1] = {
    [RegNtPreDeleteKey] = PRE(RegNtPostDeleteKey, NotifyKeyObject, NotifyBodyNone, REG_DELETE_KEY_INFORMATION),
    [RegNtPostDeleteKey] = POST(RegNtPreDeleteKey, NotifyBodyNone, FALSE),
    [RegNtPreSetValueKey] =
        PRE(RegNtPostSetValueKey, NotifyKeyObject, NotifyBodySetValue, REG_SET_VALUE_KEY_INFORMATION),
    [RegNtPostSetValueKey] = POST(RegNtPreSetValueKey, NotifyBodySetValue, TRUE),
    [RegNtPreDeleteValueKey] =
        PRE(RegNtPostDeleteValueKey, NotifyKeyObject, NotifyBodyDeleteValue, REG_DELETE_VALUE_KEY_INFORMATION),
    [RegNtPostDeleteValueKey] = POST(RegNtPreDeleteValueKey, NotifyBodyDeleteValue, TRUE),
    [RegNtPreSetInformationKey] =
        PRE(RegNtPostSetInformationKey, NotifyKeyObject, NotifyBodyNone, REG_SET_INFORMATION_KEY_INFORMATION),
    [RegNtPostSetInformationKey] = POST(RegNtPreSetInformationKey, NotifyBodyNone, TRUE),
    [RegNtPreRenameKey] = PRE(RegNtPostRenameKey, NotifyKeyObject, NotifyBodyRename, REG_RENAME_KEY_INFORMATION),
    [RegNtPostRenameKey] = POST(RegNtPreRenameKey, NotifyBodyRename, FALSE),
    [RegNtPreEnumerateKey] = PRE(RegNtPostEnumerateKey, NotifyKeyObject, NotifyBodyNone, REG_ENUMERATE_KEY_INFORMATION),
    [RegNtPostEnumerateKey] = POST(RegNtPreEnumerateKey, NotifyBodyNone, TRUE),
    [RegNtPreEnumerateValueKey] =
        PRE(RegNtPostEnumerateValueKey, NotifyKeyObject, NotifyBodyNone, REG_ENUMERATE_VALUE_KEY_INFORMATION),
    [RegNtPostEnumerateValueKey] = POST(RegNtPreEnumerateValueKey, NotifyBodyNone, TRUE),
    [RegNtPreQueryKey] = PRE(RegNtPostQueryKey, NotifyKeyObject, NotifyBodyNone, REG_QUERY_KEY_INFORMATION),
    [RegNtPostQueryKey] = POST(RegNtPreQueryKey, NotifyBodyNone, TRUE),
    [RegNtPreQueryValueKey] =
        PRE(RegNtPostQueryValueKey, NotifyKeyObject, NotifyBodyNone, REG_QUERY_VALUE_KEY_INFORMATION),
    [RegNtPostQueryValueKey] = POST(RegNtPreQueryValueKey, NotifyBodyNone, TRUE),
    [RegNtPreQueryMultipleValueKey] =
        PRE(RegNtPostQueryMultipleValueKey, NotifyKeyObject, NotifyBodyNone, REG_QUERY_MULTIPLE_VALUE_KEY_INFORMATION),
    [RegNtPostQueryMultipleValueKey] = POST(RegNtPreQueryMultipleValueKey, NotifyBodyNone, TRUE),
    [RegNtPreKeyHandleClose] =
        PRE(RegNtPostKeyHandleClose, NotifyKeyObject, NotifyBodyNone, REG_KEY_HANDLE_CLOSE_INFORMATION),
    [RegNtPostKeyHandleClose] = POST(RegNtPreKeyHandleClose, NotifyBodyNone, FALSE),
    [RegNtPreCreateKeyEx] = PRE(RegNtPostCreateKeyEx, NotifyKeyCreate, NotifyBodyCreate, REG_CREATE_KEY_INFORMATION_V1),
    [RegNtPostCreateKeyEx] = POST(RegNtPreCreateKeyEx, NotifyBodyCreate, FALSE),
    [RegNtPreOpenKeyEx] = PRE(RegNtPostOpenKeyEx, NotifyKeyCreate, NotifyBodyCreate, REG_OPEN_KEY_INFORMATION_V1),
    [RegNtPostOpenKeyEx] = POST(RegNtPreOpenKeyEx, NotifyBodyCreate, FALSE),
    [RegNtPreFlushKey] = PRE(RegNtPostFlushKey, NotifyKeyObject, NotifyBodyNone, REG_FLUSH_KEY_INFORMATION),
    [RegNtPostFlushKey] = POST(RegNtPreFlushKey, NotifyBodyNone, TRUE),
    [RegNtPreLoadKey] = PRE(RegNtPostLoadKey, NotifyKeyLoad, NotifyBodyNone, REG_LOAD_KEY_INFORMATION),
    [RegNtPostLoadKey] = POST(RegNtPreLoadKey, NotifyBodyNone, FALSE),
    [RegNtPreUnLoadKey] = PRE(RegNtPostUnLoadKey, NotifyKeyObject, NotifyBodyNone, REG_UNLOAD_KEY_INFORMATION),
    [RegNtPostUnLoadKey] = POST(RegNtPreUnLoadKey, NotifyBodyNone, FALSE),
    [RegNtPreQueryKeySecurity] =
        PRE(RegNtPostQueryKeySecurity, NotifyKeyObject, NotifyBodyNone, REG_QUERY_KEY_SECURITY_INFORMATION),
    [RegNtPostQueryKeySecurity] = POST(RegNtPreQueryKeySecurity, NotifyBodyNone, TRUE),
    [RegNtPreSetKeySecurity] =
        PRE(RegNtPostSetKeySecurity, NotifyKeyObject, NotifyBodyNone, REG_SET_KEY_SECURITY_INFORMATION),
    [RegNtPostSetKeySecurity] = POST(RegNtPreSetKeySecurity, NotifyBodyNone, TRUE),
    [RegNtPreRestoreKey] = PRE(RegNtPostRestoreKey, NotifyKeyObject, NotifyBodyNone, REG_RESTORE_KEY_INFORMATION),
    [RegNtPostRestoreKey] = POST(RegNtPreRestoreKey, NotifyBodyNone, TRUE),
    [RegNtPreSaveKey] = PRE(RegNtPostSaveKey, NotifyKeyObject, NotifyBodyNone, REG_SAVE_KEY_INFORMATION),
    [RegNtPostSaveKey] = POST(RegNtPreSaveKey, NotifyBodyNone, TRUE),
    [RegNtPreReplaceKey] = PRE(RegNtPostReplaceKey, NotifyKeyObject, NotifyBodyNone, REG_REPLACE_KEY_INFORMATION),
    [RegNtPostReplaceKey] = POST(RegNtPreReplaceKey, NotifyBodyNone, FALSE),
    [RegNtPreQueryKeyName] = PRE(RegNtPostQueryKeyName, NotifyKeyObject, NotifyBodyNone, REG_QUERY_KEY_NAME),
    [RegNtPostQueryKeyName] = POST(RegNtPreQueryKeyName, NotifyBodyNone, TRUE),
    [RegNtPreSaveMergedKey] =
        PRE(RegNtPostSaveMergedKey, NotifyKeySaveMerged, NotifyBodyNone, REG_SAVE_MERGED_KEY_INFORMATION),
    [RegNtPostSaveMergedKey] = POST(RegNtPreSaveMergedKey, NotifyBodyNone, FALSE),
};

C_ASSERT(FIELD_OFFSET(REG_POST_OPERATION_INFORMATION, Object) == 0);

_Use_decl_annotations_
const NOTIFY_CLASS *NotifyClassGet(ULONG Number) {
    return &NotifyClasses[Number];
}

_Use_decl_annotations_
UINT64 NotifyClassIntake(UINT64 ClassMask) {
    UINT64 intake = ClassMask;
    for (ULONG number = 0; number <= CMB_MAX_NOTIFY_CLASS; ++number) {
        const NOTIFY_CLASS *class = &NotifyClasses[number];
        if (class->Phase == NotifyPhasePost && (ClassMask >> number & 1)) {
            intake |= 1ULL << class->Partner;
        }
    }
    return intake;
}
