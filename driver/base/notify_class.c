// SPDX-License-Identifier: MIT
//
// The table of the notification classes: one row for each operation, and all that is told of a class.

#include "base/notify_class.h"

// A class that answers its caller cannot be bypassed: the caller would take for an answer what nobody has written. A
// close cannot be stopped, and what a query for a name answers is the object manager's.
#define FITS_NOTHING 0
#define FITS_ASK (NOTIFY_FITS(ALLOW) | NOTIFY_FITS(BLOCK) | NOTIFY_FITS(OVERRIDE))
#define FITS_CHANGE (FITS_ASK | NOTIFY_FITS(BYPASS))
#define FITS_SET_VALUE (FITS_CHANGE | NOTIFY_FITS(REPLACE) | NOTIFY_FITS_UNDO)
#define FITS_DELETE_VALUE (FITS_CHANGE | NOTIFY_FITS_UNDO)
#define FITS_QUERY (FITS_ASK | NOTIFY_FITS(EMULATE) | NOTIFY_FITS_OUTPUT)
#define FITS_QUERY_NAME NOTIFY_FITS(BLOCK)
#define FITS_OPEN (FITS_ASK | NOTIFY_FITS(REDIRECT))
#define FITS_CREATE (FITS_OPEN | NOTIFY_FITS_UNDO)
// Of these, what is for one phase only.
#define FITS_ONLY_PRE (NOTIFY_FITS(BLOCK) | NOTIFY_FITS(BYPASS) | NOTIFY_FITS(EMULATE) | NOTIFY_FITS(REPLACE))
#define FITS_ONLY_POST (NOTIFY_FITS(OVERRIDE) | NOTIFY_FITS_UNDO)

// "live" is PostObjectLive: TRUE only where every source on the kernel agrees. It is not after close, load, unload,
// delete, replace or create and open (which have a rule of their own), nor after rename, whose object carries another
// name by then, nor after save merged, whose Object is NULL. Post is no fixed distance from pre, so both numbers are
// written out; they are checked against the headers below.
// clang-format off
#define NOTIFY_OPERATIONS(ROW)                                                                                                          \
    /*   pre post name                   key         body            pre structure                             live   fits */           \
    ROW(  0,  15, DeleteKey,             Object,     DeleteKey,      REG_DELETE_KEY_INFORMATION,               FALSE, CHANGE)           \
    ROW(  1,  16, SetValueKey,           Object,     SetValue,       REG_SET_VALUE_KEY_INFORMATION,            TRUE,  SET_VALUE)        \
    ROW(  2,  17, DeleteValueKey,        Object,     DeleteValue,    REG_DELETE_VALUE_KEY_INFORMATION,         TRUE,  DELETE_VALUE)     \
    ROW(  3,  18, SetInformationKey,     Object,     SetInformation, REG_SET_INFORMATION_KEY_INFORMATION,      TRUE,  CHANGE)           \
    ROW(  4,  19, RenameKey,             Object,     Rename,         REG_RENAME_KEY_INFORMATION,               FALSE, CHANGE)           \
    ROW(  5,  20, EnumerateKey,          Object,     EnumerateKey,   REG_ENUMERATE_KEY_INFORMATION,            TRUE,  QUERY)            \
    ROW(  6,  21, EnumerateValueKey,     Object,     EnumerateValue, REG_ENUMERATE_VALUE_KEY_INFORMATION,      TRUE,  QUERY)            \
    ROW(  7,  22, QueryKey,              Object,     QueryKey,       REG_QUERY_KEY_INFORMATION,                TRUE,  QUERY)            \
    ROW(  8,  23, QueryValueKey,         Object,     QueryValue,     REG_QUERY_VALUE_KEY_INFORMATION,          TRUE,  QUERY)            \
    ROW(  9,  24, QueryMultipleValueKey, Object,     QueryMultiple,  REG_QUERY_MULTIPLE_VALUE_KEY_INFORMATION, TRUE,  QUERY)            \
    ROW( 14,  25, KeyHandleClose,        Object,     Close,          REG_KEY_HANDLE_CLOSE_INFORMATION,         FALSE, NOTHING)          \
    ROW( 26,  27, CreateKeyEx,           Create,     Create,         REG_CREATE_KEY_INFORMATION_V1,            FALSE, CREATE)           \
    ROW( 28,  29, OpenKeyEx,             Create,     Create,         REG_OPEN_KEY_INFORMATION_V1,              FALSE, OPEN)             \
    ROW( 30,  31, FlushKey,              Object,     None,           REG_FLUSH_KEY_INFORMATION,                TRUE,  CHANGE)           \
    ROW( 32,  33, LoadKey,               Load,       Load,           REG_LOAD_KEY_INFORMATION,                 FALSE, CHANGE)           \
    ROW( 34,  35, UnLoadKey,             Object,     Unload,         REG_UNLOAD_KEY_INFORMATION,               FALSE, CHANGE)           \
    ROW( 36,  37, QueryKeySecurity,      Object,     QuerySecurity,  REG_QUERY_KEY_SECURITY_INFORMATION,       TRUE,  QUERY)            \
    ROW( 38,  39, SetKeySecurity,        Object,     SetSecurity,    REG_SET_KEY_SECURITY_INFORMATION,         TRUE,  CHANGE)           \
    ROW( 41,  42, RestoreKey,            Object,     Restore,        REG_RESTORE_KEY_INFORMATION,              TRUE,  CHANGE)           \
    ROW( 43,  44, SaveKey,               Object,     Save,           REG_SAVE_KEY_INFORMATION,                 TRUE,  CHANGE)           \
    ROW( 45,  46, ReplaceKey,            Object,     Replace,        REG_REPLACE_KEY_INFORMATION,              FALSE, CHANGE)           \
    ROW( 47,  48, QueryKeyName,          Object,     QueryName,      REG_QUERY_KEY_NAME,                       TRUE,  QUERY_NAME)       \
    ROW( 49,  50, SaveMergedKey,         SaveMerged, SaveMerged,     REG_SAVE_MERGED_KEY_INFORMATION,          FALSE, CHANGE)
// clang-format on

// The object is gone: nothing is known but what was noted about it.
#define NOTIFY_CLEANUPS(ROW) ROW(40, CallbackObjectContextCleanup, Close)

#define CLASSES_OF_OPERATION(pre, post, name, key, body, structure, live, fits)                                        \
    [pre] = {.Phase = NotifyPhasePre,                                                                                  \
             .Partner = (post),                                                                                        \
             .Key = NotifyKey##key,                                                                                    \
             .Body = NotifyBody##body,                                                                                 \
             .CallContext = (UCHAR)FIELD_OFFSET(structure, CallContext),                                               \
             .Fits = FITS_##fits & ~FITS_ONLY_POST},                                                                   \
    [post] = {.Phase = NotifyPhasePost,                                                                                \
              .Partner = (pre),                                                                                        \
              .Body = NotifyBody##body,                                                                                \
              .PostObjectLive = (live),                                                                                \
              .Fits = FITS_##fits & ~FITS_ONLY_PRE},
#define CLASS_OF_CLEANUP(number, name, body) [number] = {.Phase = NotifyPhaseNone, .Body = NotifyBody##body},

static const NOTIFY_CLASS NotifyClasses[CMB_MAX_NOTIFY_CLASS + 1] = {NOTIFY_OPERATIONS(CLASSES_OF_OPERATION)
                                                                         NOTIFY_CLEANUPS(CLASS_OF_CLEANUP)};

// The numbers are those of the headers, and the context of the object that the notification is about always stands
// behind CallContext.
#define CONTEXT_OF_Object ObjectContext
#define CONTEXT_OF_Create RootObjectContext
#define CONTEXT_OF_Load ObjectContext
#define CONTEXT_OF_SaveMerged ObjectContext
#define CHECK_OPERATION(pre, post, name, key, body, structure, live, fits)                                             \
    C_ASSERT(RegNtPre##name == (pre));                                                                                 \
    C_ASSERT(RegNtPost##name == (post));                                                                               \
    C_ASSERT(FIELD_OFFSET(structure, CONTEXT_OF_##key) == FIELD_OFFSET(structure, CallContext) + sizeof(VOID *));
#define CHECK_CLEANUP(number, name, body) C_ASSERT(RegNt##name == (number));
NOTIFY_OPERATIONS(CHECK_OPERATION)
NOTIFY_CLEANUPS(CHECK_CLEANUP)
C_ASSERT(FIELD_OFFSET(REG_POST_OPERATION_INFORMATION, Object) == 0);

// What stands for others in NOTIFY_PRE.
#define CHECK_SAME(structure, field, other, same) C_ASSERT(FIELD_OFFSET(structure, field) == FIELD_OFFSET(other, same))
CHECK_SAME(REG_DELETE_VALUE_KEY_INFORMATION, ValueName, REG_SET_VALUE_KEY_INFORMATION, ValueName);
CHECK_SAME(REG_ENUMERATE_KEY_INFORMATION, Index, REG_ENUMERATE_VALUE_KEY_INFORMATION, Index);
CHECK_SAME(REG_ENUMERATE_KEY_INFORMATION, KeyInformationClass, REG_ENUMERATE_VALUE_KEY_INFORMATION,
           KeyValueInformationClass);
CHECK_SAME(REG_QUERY_KEY_INFORMATION, KeyInformation, REG_ENUMERATE_KEY_INFORMATION, KeyInformation);
CHECK_SAME(REG_QUERY_KEY_INFORMATION, KeyInformation, REG_ENUMERATE_VALUE_KEY_INFORMATION, KeyValueInformation);
CHECK_SAME(REG_QUERY_KEY_INFORMATION, Length, REG_ENUMERATE_KEY_INFORMATION, Length);
CHECK_SAME(REG_QUERY_KEY_INFORMATION, Length, REG_ENUMERATE_VALUE_KEY_INFORMATION, Length);
CHECK_SAME(REG_QUERY_KEY_INFORMATION, ResultLength, REG_ENUMERATE_KEY_INFORMATION, ResultLength);
CHECK_SAME(REG_QUERY_KEY_INFORMATION, ResultLength, REG_ENUMERATE_VALUE_KEY_INFORMATION, ResultLength);
CHECK_SAME(REG_RESTORE_KEY_INFORMATION, FileHandle, REG_SAVE_KEY_INFORMATION, FileHandle);
CHECK_SAME(REG_RESTORE_KEY_INFORMATION, FileHandle, REG_SAVE_MERGED_KEY_INFORMATION, FileHandle);
CHECK_SAME(REG_RESTORE_KEY_INFORMATION, Flags, REG_SAVE_KEY_INFORMATION, Format);

_Use_decl_annotations_
const NOTIFY_CLASS *NotifyClassGet(ULONG Number) {
    return &NotifyClasses[Number];
}

// Each of these actions leads to the decision of its name; that to ask leads at least to allowing.
C_ASSERT(CMB_ACTION_BLOCK - CMB_ACTION_ASK == CMB_DECISION_BLOCK - CMB_DECISION_ALLOW);
C_ASSERT(CMB_ACTION_BYPASS - CMB_ACTION_ASK == CMB_DECISION_BYPASS - CMB_DECISION_ALLOW);

_Use_decl_annotations_
BOOLEAN NotifyClassTakesAction(ULONG Number, UINT32 Action) {
    return Action >= CMB_ACTION_ASK && Action <= CMB_ACTION_BYPASS &&
           (NotifyClasses[Number].Fits >> (Action - CMB_ACTION_ASK + CMB_DECISION_ALLOW) & 1);
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
