// SPDX-License-Identifier: MIT
//
// The wire contract between the driver and its clients: IOCTL codes, requests, replies and records.
// driver/ and native/ include this file; scripts/generate-protocol.mjs generates lib/wire/protocol.ts from it.
//
// Rules that keep it stable:
//  - every request and reply starts with CMB_HEADER; Size is the number of bytes that the sender filled, Version the
//    revision of that one structure; the driver refuses unknown flags and non-zero reserved fields;
//  - structures grow at their end only; a reader uses HeaderSize, BodySize and Size, never sizeof, to find the next
//  part;
//  - all fields are fixed-width and naturally aligned, every structure is a multiple of 8 bytes;
//  - no field ever holds a kernel address.

#ifndef CMBRIDGE_PROTOCOL_H
#define CMBRIDGE_PROTOCOL_H

#if defined(_WIN32)
#include <basetsd.h>
#else
#include <stdint.h>
typedef uint16_t UINT16;
typedef uint32_t UINT32;
typedef uint64_t UINT64;
typedef int32_t INT32;
typedef int64_t INT64;
#endif

#include <stddef.h>

// lib/wire/protocol.ts takes it that each field lies behind the one before it: a compiler that would pad a structure
// refuses it. gcc for Windows does so at the end of a structure only; what it pads in between, gcc and clang for other
// systems pad as well, and they compile the same driver for the simulator.
#if defined(__GNUC__) || defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic error "-Wpadded"
#else
#pragma warning(push)
#pragma warning(error : 4820)
#endif

// Changes when an existing client would misread the driver or the driver an existing client.
#define CMB_PROTOCOL_MAJOR 2
// Changes when something was added that old clients may ignore.
#define CMB_PROTOCOL_MINOR 0

// Version of each structure as it stands here.
#define CMB_STRUCTURE_VERSION 1

// Limits. HELLO reports those that a client must respect, so that a driver may raise them later.
#define CMB_MAX_ALTITUDE_BYTES 510
#define CMB_MAX_REGISTRATIONS 64
// Those of all sessions that are CMB_REGISTER_PERSIST, whose session is gone included.
#define CMB_MAX_PERSISTENT_REGISTRATIONS 64
#define CMB_MAX_PATH_BYTES 65534
#define CMB_MAX_VALUE_NAME_BYTES 32766
#define CMB_MAX_CLASS_NAME_BYTES 2048
#define CMB_DEFAULT_DATA_BYTES 4096
#define CMB_MAX_DATA_BYTES 65536
#define CMB_MAX_FILE_NAME_BYTES 65534
#define CMB_MAX_SECURITY_DESCRIPTOR_BYTES 65536
#define CMB_MAX_IMAGE_PATH_BYTES 65534
#define CMB_MAX_COMMAND_LINE_BYTES 65534
#define CMB_MAX_SID_BYTES 68
// Of one RegNtPreQueryMultipleValueKey: entries, and bytes of all their names together.
#define CMB_MAX_VALUE_ENTRIES 256
#define CMB_MAX_ENTRY_NAMES_BYTES 65536
#define CMB_MAX_RECORD_BYTES 294912
#define CMB_MIN_RECEIVE_BYTES 327680
#define CMB_MAX_RECEIVE_BYTES 4194304
#define CMB_MAX_PENDED_RECEIVES 64
#define CMB_MIN_QUEUE_BYTES 524288
#define CMB_DEFAULT_QUEUE_BYTES 4194304
#define CMB_MAX_QUEUE_BYTES 67108864
#define CMB_DEFAULT_QUEUE_RECORDS 65536
#define CMB_MAX_QUEUE_RECORDS 1048576
// Processes that a session is kept informed of at a time; see CMB_BODY_PROCESS.
#define CMB_PROCESS_SLOTS 1024
// Key paths that a session keeps to refer to; see CMB_RECORD.PathSlot. Longer ones are not kept.
#define CMB_PATH_SLOTS 1024
#define CMB_MAX_KEPT_PATH_BYTES 1024
// Of CMB_REGISTER_REQUEST.RateLimit and RateBurst.
#define CMB_MAX_RATE 1000000000
// Highest notification class number that a class mask can name.
#define CMB_MAX_NOTIFY_CLASS 63

// CTL_CODE(FILE_DEVICE_UNKNOWN, 0x800 + n, METHOD_BUFFERED, FILE_READ_DATA | FILE_WRITE_DATA); RECEIVE is
// METHOD_OUT_DIRECT, so that a batch is copied once, into the caller's locked pages.

// First call on a handle: versions, limits, size of the session's queue. CMB_HELLO_REQUEST -> CMB_HELLO_REPLY.
// Always answered, whatever the client's protocol version is; the session is ready only if Status is STATUS_SUCCESS.
#define CMB_IOCTL_HELLO 0x0022E000
// One CmRegisterCallbackEx. CMB_REGISTER_REQUEST + altitude -> CMB_REGISTER_REPLY with its NTSTATUS and cookie.
#define CMB_IOCTL_REGISTER 0x0022E004
// One CmUnRegisterCallback; returns when no notification of the registration is in flight any more.
// CMB_UNREGISTER_REQUEST -> CMB_UNREGISTER_REPLY. A cookie of another session is unknown here.
#define CMB_IOCTL_UNREGISTER 0x0022E008
// Pends until there are records; then as many whole records as fit. No input -> CMB_BATCH + records.
#define CMB_IOCTL_RECEIVE 0x0022E00E
// Counters of the driver, the session or one registration. CMB_STATISTICS_REQUEST -> CMB_STATISTICS_REPLY.
#define CMB_IOCTL_STATISTICS 0x0022E010
// Decisions about operations that are held. CMB_REPLY_REQUEST + entries -> CMB_REPLY_REPLY + results. Does not wait.
#define CMB_IOCTL_REPLY 0x0022E014
// Replaces the rules of one registration as a whole. CMB_SET_RULES_REQUEST + program -> CMB_SET_RULES_REPLY. An
// operation belongs to the rules that were in force when its pre notification came.
#define CMB_IOCTL_SET_RULES 0x0022E018

typedef struct CMB_HEADER {
    UINT32 Size;
    UINT16 Version;
    UINT16 Flags;
} CMB_HEADER;

// Bits of CMB_HELLO_REPLY.Capabilities: optional requests that this driver answers.
#define CMB_CAPABILITY_REPLY 0x00000001
#define CMB_CAPABILITY_SET_RULES 0x00000002

typedef struct CMB_HELLO_REQUEST {
    CMB_HEADER Header;
    UINT16 ProtocolMajor;
    UINT16 ProtocolMinor;
    // 0 asks for the default. Otherwise CMB_MIN_QUEUE_BYTES .. CMB_MAX_QUEUE_BYTES.
    UINT32 QueueBytes;
    // 0 asks for the default. Otherwise 1 .. CMB_MAX_QUEUE_RECORDS.
    UINT32 QueueRecords;
    // 0 asks for the default. Otherwise 1 .. CMB_MAX_HELD.
    UINT32 MaxHeld;
} CMB_HELLO_REQUEST;

typedef struct CMB_HELLO_REPLY {
    CMB_HEADER Header;
    // STATUS_SUCCESS, or STATUS_REVISION_MISMATCH when the driver does not speak the client's ProtocolMajor.
    INT32 Status;
    UINT16 ProtocolMajor;
    UINT16 ProtocolMinor;
    // CmGetCallbackVersion.
    UINT32 CallbackMajor;
    UINT32 CallbackMinor;
    UINT32 Capabilities;
    UINT32 MaxRegistrations;
    UINT32 MaxDataBytes;
    UINT32 MaxAltitudeBytes;
    UINT32 MinReceiveBytes;
    UINT32 MaxReceiveBytes;
    UINT32 QueueBytes;
    UINT32 QueueRecords;
    UINT32 ProcessSlots;
    UINT32 PathSlots;
    UINT32 MaxRulesBytes;
    // HKLM\SYSTEM\Select, Current: N of the ControlSet00N that CurrentControlSet leads to; 0 if it is not known.
    UINT32 ControlSet;
    UINT32 MaxHeld;
    UINT32 Reserved;
} CMB_HELLO_REPLY;

// Bits of CMB_REGISTER_REQUEST.Options.
// Set value and delete value records carry the value that was there before, delete key records the number of values and
// subkeys: read in the pre callback by calls that only filters of lower altitude see.
#define CMB_REGISTER_OLD_VALUES 0x00000001
// All decisions of the registration are rehearsals, as with CMB_RULE_DRY_RUN.
#define CMB_REGISTER_DRY_RUN 0x00000004
// Processes that descend from that of the session are not asked about.
#define CMB_REGISTER_EXEMPT_CHILDREN 0x00000008
// When the session ends, the registration stays without it: CMB_ACTION_BLOCK and _BYPASS go on, questions have their
// defaults, nothing is recorded. It ends when any session gives its cookie to UNREGISTER or registers at its altitude,
// or when the driver is unloaded.
#define CMB_REGISTER_PERSIST 0x00000010

typedef struct CMB_REGISTER_REQUEST {
    CMB_HEADER Header;
    // Bit n: relay notification class n. At least one bit.
    UINT64 ClassMask;
    // At most this many bytes in each span of a record that holds value data, old value data or information of a query;
    // 0 .. CMB_MAX_DATA_BYTES.
    UINT32 MaxDataBytes;
    // The altitude follows the structure: UTF-16LE, not terminated, 2 .. CMB_MAX_ALTITUDE_BYTES.
    UINT16 AltitudeSize;
    UINT16 Reserved;
    // CMB_REGISTER_*
    UINT32 Options;
    // Size of the rule program, which starts at the next multiple of 8 behind the altitude; 0: there are no rules, and
    // everything in ClassMask is relayed.
    UINT32 ProgramSize;
    // Records per second, 0 .. CMB_MAX_RATE; 0: no limit. What is beyond it is lost with CMB_GAP_RATE_LIMIT.
    UINT32 RateLimit;
    // Records at once, when none came for long: 1 .. CMB_MAX_RATE, 0 without RateLimit.
    UINT32 RateBurst;
    // After so many missed deadlines in a row nothing is asked for the cool-down: 1 .. CMB_MAX_BREAKER_MISSES; 0 asks
    // for the default.
    UINT32 BreakerMisses;
    // CMB_MIN_BREAKER_COOL_DOWN .. CMB_MAX_BREAKER_COOL_DOWN milliseconds; 0 asks for the default. After it one
    // question is put, and all others again when that was answered in time; otherwise the cool-down begins anew.
    UINT32 BreakerCoolDown;
} CMB_REGISTER_REQUEST;

typedef struct CMB_REGISTER_REPLY {
    CMB_HEADER Header;
    // What CmRegisterCallbackEx returned; Cookie is 0 unless it is a success. STATUS_BAD_DATA: the rule program was
    // refused, and nothing was registered. STATUS_DELETE_PENDING: the altitude belongs to a registration that is being
    // removed, as its session has ended or has unregistered it, and operations that have met it are still on their way.
    INT32 Status;
    // CMB_RULES_REASON_*, 0 unless the program was refused.
    UINT32 Reason;
    INT64 Cookie;
    // Where in the program.
    UINT32 Offset;
    UINT32 Reserved;
} CMB_REGISTER_REPLY;

typedef struct CMB_UNREGISTER_REQUEST {
    CMB_HEADER Header;
    INT64 Cookie;
} CMB_UNREGISTER_REQUEST;

typedef struct CMB_UNREGISTER_REPLY {
    CMB_HEADER Header;
    // What CmUnRegisterCallback returned; STATUS_INVALID_PARAMETER for a cookie that is not one of this session's.
    INT32 Status;
    UINT32 Reserved;
    // How many records were made for the registration, and how many notifications it lost: what is still to come of
    // them comes, and nothing else.
    UINT64 Recorded;
    UINT64 Lost;
} CMB_UNREGISTER_REPLY;

#include "protocol/protocol_record.h"

#include "protocol/protocol_body.h"

#include "protocol/protocol_rules.h"

#include "protocol/protocol_decision.h"

#define CMB_SCOPE_DRIVER 1
#define CMB_SCOPE_SESSION 2
#define CMB_SCOPE_REGISTRATION 3

typedef struct CMB_STATISTICS_REQUEST {
    CMB_HEADER Header;
    UINT32 Scope;
    UINT32 Reserved;
    // Only for CMB_SCOPE_REGISTRATION, otherwise 0.
    INT64 Cookie;
} CMB_STATISTICS_REQUEST;

// A field that has no meaning for the scope is 0. Registration scope: Callbacks .. CaptureFaults, Decisions.
typedef struct CMB_STATISTICS_REPLY {
    CMB_HEADER Header;
    UINT32 Scope;
    UINT32 Sessions;
    UINT32 Registrations;
    UINT32 PendedReceives;
    // Notifications that class mask and rules wanted. Callbacks = Recorded + Lost.
    UINT64 Callbacks;
    UINT64 Recorded;
    // Records that left in a completed RECEIVE.
    UINT64 Delivered;
    UINT64 Lost;
    UINT64 LostQueueFull;
    UINT64 LostNoMemory;
    UINT64 LostCaptureFault;
    UINT64 LostRateLimit;
    // Records whose key path could not be had.
    UINT64 PathFailures;
    // Reads of the caller's memory that faulted; the record is kept and marked.
    UINT64 CaptureFaults;
    UINT64 LastSequence;
    UINT64 QueueBytes;
    UINT64 QueueBytesPeak;
    UINT64 QueueBytesLimit;
    UINT64 QueueRecords;
    UINT64 QueueRecordsPeak;
    UINT64 QueueRecordsLimit;
    CMB_DECISION_STATISTICS Decisions;
} CMB_STATISTICS_REPLY;

// Starts the output of RECEIVE; records follow at HeaderSize, each 8-byte aligned.
typedef struct CMB_BATCH {
    UINT32 Size;
    UINT16 Version;
    UINT16 HeaderSize;
    UINT32 RecordCount;
    UINT32 Flags;
    // Records of the session that were lost so far, all gaps up to the end of this batch and any not yet reported
    // included.
    UINT64 Lost;
    UINT64 Reserved;
} CMB_BATCH;

// Request of CMB_IOCTL_REPLY: Count entries follow, each 8-byte aligned.
typedef struct CMB_REPLY_REQUEST {
    CMB_HEADER Header;
    UINT32 Count;
    UINT32 Reserved;
} CMB_REPLY_REQUEST;

// Reply of CMB_IOCTL_REPLY: Count UINT32 follow, CMB_REPLY_* of each entry in their order, padded to 8 bytes.
typedef struct CMB_REPLY_REPLY {
    CMB_HEADER Header;
    UINT32 Count;
    UINT32 Reserved;
} CMB_REPLY_REPLY;

// Request of CMB_IOCTL_SET_RULES: the rule program follows; ProgramSize 0 takes the rules away.
typedef struct CMB_SET_RULES_REQUEST {
    CMB_HEADER Header;
    INT64 Cookie;
    UINT32 ProgramSize;
    UINT32 Reserved;
} CMB_SET_RULES_REQUEST;

typedef struct CMB_SET_RULES_REPLY {
    CMB_HEADER Header;
    // STATUS_SUCCESS; STATUS_INVALID_PARAMETER for a cookie that is not one of this session's; STATUS_BAD_DATA for a
    // program that was refused, with Reason (CMB_RULES_REASON_*) and Offset. The old rules stay in force then.
    INT32 Status;
    UINT32 Reason;
    UINT32 Offset;
    UINT32 Reserved;
    // Records of operations that began under the new rules have higher numbers.
    UINT64 Sequence;
} CMB_SET_RULES_REPLY;

#if defined(__GNUC__) || defined(__clang__)
#pragma GCC diagnostic pop
#else
#pragma warning(pop)
#endif

#endif
