// SPDX-License-Identifier: MIT
//
// Records, and what they have in common. Included by protocol.h only.

#ifndef CMBRIDGE_PROTOCOL_RECORD_H
#define CMBRIDGE_PROTOCOL_RECORD_H

#define CMB_SPAN_PRESENT 0x00000001
// Size < FullSize because of a limit.
#define CMB_SPAN_TRUNCATED 0x00000002
// The bytes could not be read from the memory of whoever called the registry; Size is 0.
#define CMB_SPAN_FAULT 0x00000004
// The bytes came with an earlier record: see CMB_RECORD.PathSlot. Offset and Size are 0.
#define CMB_SPAN_KEPT 0x00000008

// Variable-length bytes of a record; strings are UTF-16LE without terminator. Absent = all zero.
typedef struct CMB_SPAN {
    // From the start of the record.
    UINT32 Offset;
    UINT32 Size;
    UINT32 FullSize;
    UINT32 Flags;
} CMB_SPAN;

#define CMB_RECORD_NOTIFICATION 1
#define CMB_RECORD_GAP 2
// Who a process is: comes before the first notification of that process and carries no Cookie. Sequence is 0.
#define CMB_RECORD_PROCESS 3
// CMB_BODY_BREAKER
#define CMB_RECORD_BREAKER 4

// Bits of CMB_RECORD.Flags.
#define CMB_RECORD_POST 0x00000001
// ExGetPreviousMode was KernelMode.
#define CMB_RECORD_KERNEL_MODE 0x00000002
// KeyPath is the configuration manager's own name of the key; otherwise it is put together from the request.
#define CMB_RECORD_PATH_RESOLVED 0x00000004
#define CMB_RECORD_PATH_UNAVAILABLE 0x00000008
// The pre phase was not seen, or its memory could not be had: fields that only pre knows are absent.
#define CMB_RECORD_PRE_UNKNOWN 0x00000010
// Part of a KTM transaction: of the call itself, or of the handle that it was made with.
#define CMB_RECORD_TRANSACTED 0x00000020
// The thread impersonates; Impersonation says whom if that could be found out.
#define CMB_RECORD_IMPERSONATING 0x00000040
// KeGetCurrentIrql was APC_LEVEL: what needs PASSIVE_LEVEL to be read is missing.
#define CMB_RECORD_APC_LEVEL 0x00000080
// A CMB_DECIDED stands between this structure and the body.
#define CMB_RECORD_DECIDED 0x00000100

typedef struct CMB_RECORD {
    // Whole record, a multiple of 8.
    UINT32 Size;
    // Where the body starts.
    UINT16 HeaderSize;
    UINT16 Kind;
    // Ascends by one per notification of the session, those that are lost included; starts at 1. A gap has
    // the first lost number.
    UINT64 Sequence;
    // 100 ns units since 1601-01-01 UTC (KeQuerySystemTimePrecise).
    INT64 Time;
    // Registration that was called, or that lost something.
    INT64 Cookie;
    // Post: Sequence of the same operation's pre record, 0 if that was not relayed.
    UINT64 PreSequence;
    // REG_NOTIFY_CLASS.
    UINT32 NotifyClass;
    // Post: REG_POST_OPERATION_INFORMATION.Status.
    INT32 Status;
    UINT32 ProcessId;
    UINT32 ThreadId;
    UINT32 Flags;
    UINT32 BodySize;
    CMB_SPAN KeyPath;
    // A second key path. Post create and open: the path as it was requested, when KeyPath is that of the key that was
    // opened. Post rename with STATUS_SUCCESS: the new path. Save merged: the path of LowKeyObject. Else absent.
    CMB_SPAN OtherPath;
    // PsGetProcessStartKey: names a process for the time since boot, unlike its id.
    UINT64 ProcessKey;
    // Names the key object (one open) for the time since the driver was loaded, within one registration; 0 if unknown.
    UINT64 KeyObject;
    // Post: nanoseconds since the pre callback began; 0 with CMB_RECORD_PRE_UNKNOWN.
    UINT64 Duration;
    // Where the session keeps what CMB_RECORD_PROCESS said about the process, 0 .. ProcessSlots - 1. If the latest
    // CMB_RECORD_PROCESS for the slot has another ProcessKey, nothing is known about this one.
    UINT32 ProcessSlot;
    // Create and open: how many bytes at the start of the requested path (OtherPath if present, else KeyPath) are the
    // name of RootObject.
    UINT32 RootSize;
    // CMB_IMPERSONATION
    CMB_SPAN Impersonation;
    // 16 bytes: the GUID of the transaction, absent where it could not be had.
    CMB_SPAN Transaction;
    // PathSerial is not 0: the session keeps KeyPath in PathSlot, 0 .. PathSlots - 1. A KeyPath with bytes takes the
    // place of what was there, and one with CMB_SPAN_KEPT means what is there, which came with the same PathSerial.
    UINT32 PathSlot;
    UINT32 PathSerial;
} CMB_RECORD;

// Bits of CMB_TOKEN.Flags: which fields are known, and what they are.
#define CMB_TOKEN_INTEGRITY 0x00000001
#define CMB_TOKEN_ELEVATION 0x00000002
#define CMB_TOKEN_ELEVATED 0x00000004
#define CMB_TOKEN_SESSION 0x00000008

typedef struct CMB_TOKEN {
    // CMB_TOKEN_*
    UINT32 Flags;
    // Last subauthority of the mandatory label: 0x2000 is medium, 0x3000 high, 0x4000 system.
    UINT32 IntegrityLevel;
    UINT32 SessionId;
    UINT32 Reserved;
    // A SID in its binary form, absent if it could not be had.
    CMB_SPAN UserSid;
} CMB_TOKEN;

// What the Impersonation span of a record holds; its own span counts from the start of the record.
typedef struct CMB_IMPERSONATION {
    CMB_TOKEN Token;
    // SECURITY_IMPERSONATION_LEVEL
    UINT32 Level;
    UINT32 Reserved;
} CMB_IMPERSONATION;

// Bits of CMB_BODY_PROCESS.Flags.
// PsInitialSystemProcess.
#define CMB_PROCESS_SYSTEM 0x00000001
// A 32-bit program on 64-bit Windows.
#define CMB_PROCESS_WOW64 0x00000002
#define CMB_PROCESS_PARENT 0x00000004

// Body of a process record. The record's ProcessId, ProcessKey and ProcessSlot say whom it describes; the notifications
// that name this slot and key until the next process record of the slot are of this process.
typedef struct CMB_BODY_PROCESS {
    // 100 ns units since 1601-01-01 UTC (PsGetProcessCreateTimeQuadPart).
    INT64 CreateTime;
    UINT32 ParentProcessId;
    // CMB_PROCESS_*
    UINT32 Flags;
    // \Device\HarddiskVolume1\...
    CMB_SPAN ImagePath;
    CMB_SPAN CommandLine;
    CMB_TOKEN Token;
} CMB_BODY_PROCESS;

// Bits of CMB_BODY_GAP.Causes.
#define CMB_GAP_QUEUE_FULL 0x00000001
#define CMB_GAP_NO_MEMORY 0x00000002
#define CMB_GAP_CAPTURE_FAULT 0x00000004
#define CMB_GAP_RATE_LIMIT 0x00000008

// Body of a gap record: so many notifications of this registration, with numbers from FirstSequence to LastSequence,
// are missing before its next record. Numbers in between may be those of other registrations.
typedef struct CMB_BODY_GAP {
    UINT64 Count;
    UINT64 FirstSequence;
    UINT64 LastSequence;
    // CMB_GAP_*
    UINT32 Causes;
    UINT32 Reserved;
    // Count by cause.
    UINT64 QueueFull;
    // Rules could not be applied, since there was no memory to find out what they ask for.
    UINT64 NoMemory;
    // Rules could not be applied, since the caller's memory could not be read.
    UINT64 CaptureFault;
    UINT64 RateLimit;
} CMB_BODY_GAP;

#endif
