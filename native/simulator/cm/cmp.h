// SPDX-License-Identifier: MIT
//
// Private to the configuration manager.
//
// It is written in the dialect of the kernel that it stands for: tags with an underscore, P types, the prefixes Cmp and
// Cm, so that it reads beside what is published of Windows' own. The driver, a client of that kernel, is not.
//
// Locks, in the order in which they are taken: CmpHiveLock (hive files: loading, writing, unloading; the one lock that
// is held while files are waited for), then CmpRegistryLock (keys and the store), then CmpCallbackLock
// (registrations, object contexts, live objects). None is held while a callback runs or the object manager is
// called.

#ifndef CM_CMP_H
#define CM_CMP_H

#include "cm.h"
#include "port.h"

#define CM_TAG 0x67526D43u // CmRg
#define CM_MAX_KEY_NAME_BYTES (255 * sizeof(WCHAR))
// How deep keys may be nested.
#define CM_MAX_KEY_DEPTH 512u
#define CM_MAX_VALUE_NAME_BYTES (16383 * sizeof(WCHAR))

// One key that is in use; shared by all key objects of that key. CmpRegistryLock.
typedef struct _CM_KEY {
    LIST_ENTRY SiblingLink;
    LIST_ENTRY Children;
    struct _CM_KEY *Parent; // referenced; NULL for \REGISTRY
    ULONG References;
    BOOLEAN Deleted;
    PCM_STORE Store; // that Node belongs to: the host's, or the one of keys opened in a transaction
    BOOLEAN Link;    // a symbolic link
    CM_NODE Node;
    struct _CM_HIVE *Hive;      // that was loaded here
    UNICODE_STRING Name;        // last component
    PUNICODE_STRING CachedName; // what CmCallbackGetKeyObjectID gave out; stays as it was
} CM_KEY, *PCM_KEY;

// The body of a key object: one open.
typedef struct _CM_KEY_BODY {
    LIST_ENTRY LiveLink; // CmpCallbackLock, as Contexts and the flags
    LIST_ENTRY Contexts; // CM_OBJECT_CONTEXT.BodyLink, highest cookie first
    PCM_KEY Key;
    ULONG HandleTags; // CmpRegistryLock
    BOOLEAN View64;   // opened for the 64-bit view of the registry; set before anybody else knows the object
    BOOLEAN Opening;
    BOOLEAN Dying; // contexts can no longer be attached
} CM_KEY_BODY, *PCM_KEY_BODY;

// CmpCallbackLock guards everything that changes.
typedef struct _CM_REGISTRATION {
    LIST_ENTRY Link; // CmpCallbackList, highest altitude first
    LARGE_INTEGER Cookie;
    PEX_CALLBACK_FUNCTION Function;
    PVOID Context;
    LONG References; // operations between pre and post, and cleanups under way
    BOOLEAN Leaving; // no new pre
    BOOLEAN Drained; // no post is owed any more
    KEVENT Idle;     // set when Leaving and References is 0
    LIST_ENTRY ObjectContexts;
    UNICODE_STRING Altitude;
    WCHAR AltitudeText[];
} CM_REGISTRATION, *PCM_REGISTRATION;

typedef struct _CM_OBJECT_CONTEXT {
    LIST_ENTRY BodyLink;
    LIST_ENTRY RegistrationLink;
    PCM_REGISTRATION Registration;
    PCM_KEY_BODY Body;
    PVOID Context;
} CM_OBJECT_CONTEXT, *PCM_OBJECT_CONTEXT;

// A registration that has seen the pre notification and is owed the post.
typedef struct _CM_OWED {
    struct _CM_OWED *Next; // the one called before, which has the higher altitude
    PCM_REGISTRATION Registration;
    PVOID CallContext;
} CM_OWED, *PCM_OWED;

typedef struct _CM_CLASS {
    UCHAR Post;        // 0: no post class belongs to it
    UCHAR CallContext; // offset in the pre structure; 0: has none. The object context follows it.
    BOOLEAN CannotStop;
    BOOLEAN CannotOverride;
} CM_CLASS;

// One operation of one thread. Lives on its stack, from CmpPreNotify to CmpPostNotify.
typedef struct _CM_OPERATION {
    struct _CM_OPERATION *Outer; // of the same thread
    PCM_REGISTRATION Current;    // being called; a nested operation starts below it. NULL: it finds nobody.
    PCM_OWED Owed;               // last called first
    CM_OWED Inline[4];
    ULONG InlineUsed;
    const CM_CLASS *Class;
    PVOID Pre;
    PVOID Object; // whose contexts the pre structure carries
    BOOLEAN Entered;
    BOOLEAN Stopped; // by a callback, or for lack of memory: the operation is not to be performed
} CM_OPERATION, *PCM_OPERATION;

typedef struct _CM_SYSTEM {
    PCM_STORE Store;
    PCM_KEY RootKey;
    PCM_KEY_BODY RootBody;
    CM_OPTIONS Options;
    BOOLEAN Running;
} CM_SYSTEM;

extern CM_SYSTEM CmpSystem;
extern ERESOURCE CmpRegistryLock;
extern KSPIN_LOCK CmpCallbackLock;
extern LIST_ENTRY CmpCallbackList;

#define CmpStore(routine, ...) CmpSystem.Store->routine(CmpSystem.Store->Context, __VA_ARGS__)
// The node of a key only means something to the key's own store.
#define CmpKeyStore(key, routine, ...) (key)->Store->routine((key)->Store->Context, __VA_ARGS__)

// system.c
_IRQL_requires_max_(APC_LEVEL)
VOID CmpLockRegistry(VOID);
// To read values and names.
_IRQL_requires_max_(APC_LEVEL)
VOID CmpShareRegistry(VOID);
_Requires_lock_held_(CmpRegistryLock)
VOID CmpUnlockRegistry(VOID);
// Strict: bug check. Otherwise: returns.
VOID CmpViolation(CM_VIOLATION Violation, ULONG_PTR Parameter2, ULONG_PTR Parameter3, ULONG_PTR Parameter4);
VOID CmpCheckIrql(KIRQL Highest);
// A different invalid (non-canonical) address each time, for fields that must not be used.
PVOID CmpPoison(VOID);
VOID CmpCount(volatile LONG *Counter, LONG Change);
extern volatile LONG CmpRegistrationCount, CmpKeyObjectCount, CmpKeyCount, CmpObjectContextCount, CmpKeyNameCount,
    CmpBlockCount;
// CmpCallbackLock.
extern LONG CmpOperationCount;
extern LONG64 CmpNotificationCount;

// capture.c
// Copy from or to memory of the caller, which may vanish or change if Mode is UserMode.
NTSTATUS CmpCopyIn(VOID *To, const VOID *From, SIZE_T Length, KPROCESSOR_MODE Mode);
NTSTATUS CmpCopyOut(VOID *To, const VOID *From, SIZE_T Length, ULONG Alignment, KPROCESSOR_MODE Mode);
NTSTATUS CmpProbeIn(const VOID *From, SIZE_T Length, KPROCESSOR_MODE Mode);
NTSTATUS CmpProbeOut(VOID *To, SIZE_T Length, ULONG Alignment, KPROCESSOR_MODE Mode);
// A string of the caller as a copy in the pool; free with CmpReleaseString. From NULL gives an empty string.
NTSTATUS CmpCaptureString(PUNICODE_STRING To, PCUNICODE_STRING From, KPROCESSOR_MODE Mode);
// The same, without trailing NUL characters and within the limit of value names.
NTSTATUS CmpCaptureValueName(PUNICODE_STRING To, PCUNICODE_STRING From, KPROCESSOR_MODE Mode);
VOID CmpReleaseString(PUNICODE_STRING String);
// An input as callbacks see it, and as the operation uses it: the same copy, except with CM_OPTIONS.RawInputs.
typedef NTSTATUS CM_CAPTURE(PUNICODE_STRING To, PCUNICODE_STRING From, KPROCESSOR_MODE Mode);
typedef struct _CM_INPUT {
    UNICODE_STRING Shown;
    UNICODE_STRING Own;
    UNICODE_STRING Raw; // where the text is that has not been captured
    CM_CAPTURE *Capture;
    BOOLEAN IsRaw; // Own is still to be made
} CM_INPUT, *PCM_INPUT;
// Before the pre notification. Capture is CmpCaptureString or CmpCaptureValueName.
NTSTATUS CmpCaptureInput(PCM_INPUT Input, PCUNICODE_STRING From, KPROCESSOR_MODE Mode, CM_CAPTURE *Capture);
// After it: makes Own.
NTSTATUS CmpReadInput(PCM_INPUT Input);
VOID CmpReleaseInput(PCM_INPUT Input);
BOOLEAN CmpIsRawInput(KPROCESSOR_MODE Mode);
// Information of FullLength bytes for a caller that has room for Length: the protocol of all queries. FixedLength is
// what must fit.
NTSTATUS CmpAnswer(const VOID *Information, ULONG FixedLength, ULONG FullLength, PVOID Buffer, ULONG Length,
                   PULONG ResultLength, KPROCESSOR_MODE Mode);

// path.c
// Cuts separators off both ends.
VOID CmpTrimSeparators(PUNICODE_STRING Name);
// Cuts off \REGISTRY; otherwise the status with which the object manager refuses the name before it knows that a key is
// meant.
NTSTATUS CmpStripRegistryPrefix(PUNICODE_STRING Name);
// Cuts the first component off Rest, skipping separators before it. FALSE at the end.
BOOLEAN CmpNextComponent(PUNICODE_STRING Rest, PUNICODE_STRING Component);

// parse.c
// SymbolicLinkValue, the only value that a link has.
extern const UNICODE_STRING CmpLinkValueName;

// security.c
// All with CmpRegistryLock held. Mode KernelMode grants everything.
_Requires_lock_held_(CmpRegistryLock)
NTSTATUS CmpCheckKeyAccess(PCM_KEY Key, ACCESS_MASK DesiredAccess, KPROCESSOR_MODE Mode, PACCESS_MASK GrantedAccess);
// What a new key inherits and what its creator gave (may be NULL).
_Requires_lock_held_(CmpRegistryLock)
NTSTATUS CmpAssignKeySecurity(PCM_KEY Parent, PCM_KEY Key, PSECURITY_DESCRIPTOR Explicit);
_Requires_lock_held_(CmpRegistryLock)
BOOLEAN CmpIsInApplicationHive(PCM_KEY Key);

// wow64.c
// Below a Classes key; the 32-bit view has its own below WOW6432Node.
extern const WCHAR *const CmpRedirectedClasses[];
extern const ULONG CmpRedirectedClassCount;

// altitude.c
LONG CmpCompareAltitudes(PCUNICODE_STRING First, PCUNICODE_STRING Second);

// callback.c
VOID CmpInitializeCallbacks(VOID);
_Requires_lock_held_(CmpCallbackLock)
PCM_REGISTRATION CmpFindRegistration(LARGE_INTEGER Cookie);
_Requires_lock_held_(CmpCallbackLock)
VOID CmpReleaseRegistration(PCM_REGISTRATION Registration);
_Requires_lock_held_(CmpCallbackLock)
LONGLONG CmpLastCookie(VOID);

// dispatch.c
const CM_CLASS *CmpClassOf(ULONG NotifyClass);
// STATUS_SUCCESS, or, when Operation->Stopped, the provisional status. CmpPostNotify must follow in any case.
NTSTATUS CmpPreNotify(PCM_OPERATION Operation, ULONG NotifyClass, PVOID Information, PVOID Object);
// Status: of the operation, or what CmpPreNotify returned. Returns what the caller gets.
NTSTATUS CmpPostNotify(PCM_OPERATION Operation, NTSTATUS Status, PVOID Object);
// Class 40 and others that stand alone: the registration is referenced by the caller.
VOID CmpNotifyOne(PCM_REGISTRATION Registration, ULONG NotifyClass, PVOID Information);
VOID CmpNotifyAll(ULONG NotifyClass, PVOID Information);
_Requires_lock_held_(CmpCallbackLock)
BOOLEAN CmpIsInsideOf(PCM_REGISTRATION Registration);

// context.c
_Requires_lock_held_(CmpCallbackLock)
PVOID CmpObjectContext(PVOID Object, PCM_REGISTRATION Registration);
BOOLEAN CmpHasContexts(PCM_KEY_BODY Body);
VOID CmpCleanupBodyContexts(PCM_KEY_BODY Body, BOOLEAN Dying);
VOID CmpCleanupRegistrationContexts(PCM_REGISTRATION Registration);

// names.c
_Requires_lock_held_(CmpRegistryLock)
NTSTATUS CmpBuildName(PCM_KEY Key, PUNICODE_STRING Name);
VOID CmpInitializeNames(VOID);
VOID CmpShutdownNames(VOID);

// transaction.c
typedef struct _CM_TRANSACTION *PCM_TRANSACTION;
VOID CmpInitializeTransactions(VOID);
// That of the caller, referenced. STATUS_TRANSACTION_NOT_ACTIVE when it is over.
NTSTATUS CmpReferenceTransaction(HANDLE Handle, KPROCESSOR_MODE Mode, PCM_TRANSACTION *Transaction);
VOID CmpAddTransactionReference(PCM_TRANSACTION Transaction);
VOID CmpReleaseTransaction(PCM_TRANSACTION Transaction);
VOID CmpFreeDeadTransactions(VOID);
// What the key is bound to; NULL: nothing.
PCM_TRANSACTION CmpTransactionOfKey(PCM_KEY Key);
PVOID CmpTransactionObject(PCM_TRANSACTION Transaction);
// The same for all who open the key, with a transaction or without.
PVOID CmpKeyIdentity(PCM_KEY Key);
// The key as the transaction sees it, referenced.
_Requires_lock_held_(CmpRegistryLock)
NTSTATUS CmpKeyInTransaction(PCM_TRANSACTION Transaction, PCM_KEY Key, PCM_KEY *Bound);
// Before a change without a transaction: of the key, or, given Child, of what there is of that name below it; Whole: of
// the key and everything directly below it.
_Requires_lock_held_(CmpRegistryLock)
VOID CmpBreakTransactions(PCM_KEY Key, PCUNICODE_STRING Child, BOOLEAN Whole);

// hive.c
_Requires_lock_held_(CmpRegistryLock)
VOID CmpNoteUnusedHive(PCM_KEY Root);
VOID CmpUnloadUnusedHives(VOID);
// Writes the hive of the key, if it was loaded from a file and has changed.
NTSTATUS CmpFlushHiveOf(PCM_KEY Key);
NTSTATUS CmpInitializeHives(VOID);
VOID CmpShutdownHives(VOID);
VOID CmpTerminateHives(VOID);

// key_object.c
NTSTATUS CmpInitializeKeys(VOID);
VOID CmpShutdownKeys(VOID);
// All with CmpRegistryLock held. The key comes referenced.
_Requires_lock_held_(CmpRegistryLock)
NTSTATUS CmpOpenChildKey(PCM_KEY Parent, PCUNICODE_STRING Name, PCM_KEY *Child);
_Requires_lock_held_(CmpRegistryLock)
NTSTATUS CmpCreateChildKey(PCM_KEY Parent, PCUNICODE_STRING Name, ULONG TitleIndex, PCUNICODE_STRING Class,
                           ULONG Options, PCM_KEY *Child);
_Requires_lock_held_(CmpRegistryLock)
NTSTATUS CmpRenameKey(PCM_KEY Key, PCUNICODE_STRING NewName);
_Requires_lock_held_(CmpRegistryLock)
VOID CmpDetachDeletedKey(PCM_KEY Key);
_Requires_lock_held_(CmpRegistryLock)
VOID CmpReferenceKey(PCM_KEY Key);
_Requires_lock_held_(CmpRegistryLock)
VOID CmpDereferenceKey(PCM_KEY Key);
// A key that has no parent. Takes over the node, also on failure.
_Requires_lock_held_(CmpRegistryLock)
NTSTATUS CmpMakeRootKey(PCM_STORE Store, CM_NODE Node, PCM_KEY *Key);
// The key and all that is in use below it.
_Requires_lock_held_(CmpRegistryLock)
VOID CmpMarkDeleted(PCM_KEY Key);
// Without it. An application hive that is not in use any more is unloaded.
VOID CmpReleaseKey(PCM_KEY Key);
// Takes over the caller's reference of the key, also on failure.
NTSTATUS CmpCreateBody(PCM_KEY Key, PCM_KEY_BODY *Body);
// The object is no longer that of an open on its way.
VOID CmpFinishOpening(PCM_KEY_BODY Body);
_Requires_lock_held_(CmpCallbackLock)
PCM_KEY_BODY CmpFindBody(PVOID Object);
BOOLEAN CmpIsLiveBody(PVOID Object);

// query.c, query_value.c: make the structure of the class in the pool.
typedef struct _CM_ANSWER {
    PVOID Data;
    ULONG FixedLength;
    ULONG FullLength;
} CM_ANSWER, *PCM_ANSWER;
NTSTATUS CmpFormatKey(KEY_INFORMATION_CLASS Class, const CM_KEY_FACTS *Facts, PCM_ANSWER Answer);
NTSTATUS CmpFormatValue(KEY_VALUE_INFORMATION_CLASS Class, const CM_VALUE *Value, PCM_ANSWER Answer);
BOOLEAN CmpIsValueClass(KEY_VALUE_INFORMATION_CLASS Class);

#endif
