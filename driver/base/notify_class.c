// SPDX-License-Identifier: MIT

#include "base/notify_class.h"

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
    [RegNtPreDeleteKey] = PRE(RegNtPostDeleteKey, NotifyKeyObject, NotifyBodyDeleteKey, REG_DELETE_KEY_INFORMATION),
    [RegNtPostDeleteKey] = POST(RegNtPreDeleteKey, NotifyBodyDeleteKey, FALSE),
    [RegNtPreSetValueKey] =
        PRE(RegNtPostSetValueKey, NotifyKeyObject, NotifyBodySetValue, REG_SET_VALUE_KEY_INFORMATION),
    [RegNtPostSetValueKey] = POST(RegNtPreSetValueKey, NotifyBodySetValue, TRUE),
    [RegNtPreDeleteValueKey] =
        PRE(RegNtPostDeleteValueKey, NotifyKeyObject, NotifyBodyDeleteValue, REG_DELETE_VALUE_KEY_INFORMATION),
    [RegNtPostDeleteValueKey] = POST(RegNtPreDeleteValueKey, NotifyBodyDeleteValue, TRUE),
    [RegNtPreSetInformationKey] =
        PRE(RegNtPostSetInformationKey, NotifyKeyObject, NotifyBodySetInformation, REG_SET_INFORMATION_KEY_INFORMATION),
    [RegNtPostSetInformationKey] = POST(RegNtPreSetInformationKey, NotifyBodySetInformation, TRUE),
    [RegNtPreRenameKey] = PRE(RegNtPostRenameKey, NotifyKeyObject, NotifyBodyRename, REG_RENAME_KEY_INFORMATION),
    [RegNtPostRenameKey] = POST(RegNtPreRenameKey, NotifyBodyRename, FALSE),
    [RegNtPreEnumerateKey] =
        PRE(RegNtPostEnumerateKey, NotifyKeyObject, NotifyBodyEnumerateKey, REG_ENUMERATE_KEY_INFORMATION),
    [RegNtPostEnumerateKey] = POST(RegNtPreEnumerateKey, NotifyBodyEnumerateKey, TRUE),
    [RegNtPreEnumerateValueKey] =
        PRE(RegNtPostEnumerateValueKey, NotifyKeyObject, NotifyBodyEnumerateValue, REG_ENUMERATE_VALUE_KEY_INFORMATION),
    [RegNtPostEnumerateValueKey] = POST(RegNtPreEnumerateValueKey, NotifyBodyEnumerateValue, TRUE),
    [RegNtPreQueryKey] = PRE(RegNtPostQueryKey, NotifyKeyObject, NotifyBodyQueryKey, REG_QUERY_KEY_INFORMATION),
    [RegNtPostQueryKey] = POST(RegNtPreQueryKey, NotifyBodyQueryKey, TRUE),
    [RegNtPreQueryValueKey] =
        PRE(RegNtPostQueryValueKey, NotifyKeyObject, NotifyBodyQueryValue, REG_QUERY_VALUE_KEY_INFORMATION),
    [RegNtPostQueryValueKey] = POST(RegNtPreQueryValueKey, NotifyBodyQueryValue, TRUE),
    [RegNtPreQueryMultipleValueKey] = PRE(RegNtPostQueryMultipleValueKey, NotifyKeyObject, NotifyBodyQueryMultiple,
                                          REG_QUERY_MULTIPLE_VALUE_KEY_INFORMATION),
    [RegNtPostQueryMultipleValueKey] = POST(RegNtPreQueryMultipleValueKey, NotifyBodyQueryMultiple, TRUE),
    [RegNtPreKeyHandleClose] =
        PRE(RegNtPostKeyHandleClose, NotifyKeyObject, NotifyBodyClose, REG_KEY_HANDLE_CLOSE_INFORMATION),
    [RegNtPostKeyHandleClose] = POST(RegNtPreKeyHandleClose, NotifyBodyClose, FALSE),
    [RegNtPreCreateKeyEx] = PRE(RegNtPostCreateKeyEx, NotifyKeyCreate, NotifyBodyCreate, REG_CREATE_KEY_INFORMATION_V1),
    [RegNtPostCreateKeyEx] = POST(RegNtPreCreateKeyEx, NotifyBodyCreate, FALSE),
    [RegNtPreOpenKeyEx] = PRE(RegNtPostOpenKeyEx, NotifyKeyCreate, NotifyBodyCreate, REG_OPEN_KEY_INFORMATION_V1),
    [RegNtPostOpenKeyEx] = POST(RegNtPreOpenKeyEx, NotifyBodyCreate, FALSE),
    [RegNtPreFlushKey] = PRE(RegNtPostFlushKey, NotifyKeyObject, NotifyBodyNone, REG_FLUSH_KEY_INFORMATION),
    [RegNtPostFlushKey] = POST(RegNtPreFlushKey, NotifyBodyNone, TRUE),
    [RegNtPreLoadKey] = PRE(RegNtPostLoadKey, NotifyKeyLoad, NotifyBodyLoad, REG_LOAD_KEY_INFORMATION),
    [RegNtPostLoadKey] = POST(RegNtPreLoadKey, NotifyBodyLoad, FALSE),
    [RegNtPreUnLoadKey] = PRE(RegNtPostUnLoadKey, NotifyKeyObject, NotifyBodyUnload, REG_UNLOAD_KEY_INFORMATION),
    [RegNtPostUnLoadKey] = POST(RegNtPreUnLoadKey, NotifyBodyUnload, FALSE),
    [RegNtPreQueryKeySecurity] =
        PRE(RegNtPostQueryKeySecurity, NotifyKeyObject, NotifyBodyQuerySecurity, REG_QUERY_KEY_SECURITY_INFORMATION),
    [RegNtPostQueryKeySecurity] = POST(RegNtPreQueryKeySecurity, NotifyBodyQuerySecurity, TRUE),
    [RegNtPreSetKeySecurity] =
        PRE(RegNtPostSetKeySecurity, NotifyKeyObject, NotifyBodySetSecurity, REG_SET_KEY_SECURITY_INFORMATION),
    [RegNtPostSetKeySecurity] = POST(RegNtPreSetKeySecurity, NotifyBodySetSecurity, TRUE),
    // The object is gone: nothing but what was noted about it.
    [RegNtCallbackObjectContextCleanup] = {.Phase = NotifyPhaseNone, .Body = NotifyBodyClose},
    [RegNtPreRestoreKey] = PRE(RegNtPostRestoreKey, NotifyKeyObject, NotifyBodyRestore, REG_RESTORE_KEY_INFORMATION),
    [RegNtPostRestoreKey] = POST(RegNtPreRestoreKey, NotifyBodyRestore, TRUE),
    [RegNtPreSaveKey] = PRE(RegNtPostSaveKey, NotifyKeyObject, NotifyBodySave, REG_SAVE_KEY_INFORMATION),
    [RegNtPostSaveKey] = POST(RegNtPreSaveKey, NotifyBodySave, TRUE),
    [RegNtPreReplaceKey] = PRE(RegNtPostReplaceKey, NotifyKeyObject, NotifyBodyReplace, REG_REPLACE_KEY_INFORMATION),
    [RegNtPostReplaceKey] = POST(RegNtPreReplaceKey, NotifyBodyReplace, FALSE),
    [RegNtPreQueryKeyName] = PRE(RegNtPostQueryKeyName, NotifyKeyObject, NotifyBodyQueryName, REG_QUERY_KEY_NAME),
    [RegNtPostQueryKeyName] = POST(RegNtPreQueryKeyName, NotifyBodyQueryName, TRUE),
    [RegNtPreSaveMergedKey] =
        PRE(RegNtPostSaveMergedKey, NotifyKeySaveMerged, NotifyBodySaveMerged, REG_SAVE_MERGED_KEY_INFORMATION),
    [RegNtPostSaveMergedKey] = POST(RegNtPreSaveMergedKey, NotifyBodySaveMerged, FALSE),
};

// The object's context always stands behind CallContext.
#define CONTEXT_FOLLOWS(structure, member)                                                                             \
    C_ASSERT(FIELD_OFFSET(structure, member) == FIELD_OFFSET(structure, CallContext) + sizeof(VOID *))
CONTEXT_FOLLOWS(REG_CREATE_KEY_INFORMATION_V1, RootObjectContext);
CONTEXT_FOLLOWS(REG_DELETE_KEY_INFORMATION, ObjectContext);
CONTEXT_FOLLOWS(REG_SET_VALUE_KEY_INFORMATION, ObjectContext);
CONTEXT_FOLLOWS(REG_DELETE_VALUE_KEY_INFORMATION, ObjectContext);
CONTEXT_FOLLOWS(REG_SET_INFORMATION_KEY_INFORMATION, ObjectContext);
CONTEXT_FOLLOWS(REG_RENAME_KEY_INFORMATION, ObjectContext);
CONTEXT_FOLLOWS(REG_ENUMERATE_KEY_INFORMATION, ObjectContext);
CONTEXT_FOLLOWS(REG_ENUMERATE_VALUE_KEY_INFORMATION, ObjectContext);
CONTEXT_FOLLOWS(REG_QUERY_KEY_INFORMATION, ObjectContext);
CONTEXT_FOLLOWS(REG_QUERY_VALUE_KEY_INFORMATION, ObjectContext);
CONTEXT_FOLLOWS(REG_QUERY_MULTIPLE_VALUE_KEY_INFORMATION, ObjectContext);
CONTEXT_FOLLOWS(REG_KEY_HANDLE_CLOSE_INFORMATION, ObjectContext);
CONTEXT_FOLLOWS(REG_UNLOAD_KEY_INFORMATION, ObjectContext);
CONTEXT_FOLLOWS(REG_QUERY_KEY_SECURITY_INFORMATION, ObjectContext);
CONTEXT_FOLLOWS(REG_SET_KEY_SECURITY_INFORMATION, ObjectContext);
CONTEXT_FOLLOWS(REG_RESTORE_KEY_INFORMATION, ObjectContext);
CONTEXT_FOLLOWS(REG_SAVE_KEY_INFORMATION, ObjectContext);
CONTEXT_FOLLOWS(REG_REPLACE_KEY_INFORMATION, ObjectContext);
CONTEXT_FOLLOWS(REG_QUERY_KEY_NAME, ObjectContext);

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
