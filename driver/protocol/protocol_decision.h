// SPDX-License-Identifier: MIT
//
// Operations that wait for a decision, and what is decided about them. Included by protocol.h only.

#ifndef CMBRIDGE_PROTOCOL_DECISION_H
#define CMBRIDGE_PROTOCOL_DECISION_H

// Operations of a session that are held at a time: CMB_HELLO_REQUEST.MaxHeld. Of one process at most half of them,
// rounded up.
#define CMB_DEFAULT_HELD 1024
#define CMB_MAX_HELD 16384
// Of CMB_RULE.Deadline, in milliseconds.
#define CMB_MIN_DEADLINE 10
#define CMB_MAX_DEADLINE 10000
// Of CMB_REGISTER_REQUEST.BreakerMisses and BreakerCoolDown, the latter in milliseconds.
#define CMB_DEFAULT_BREAKER_MISSES 5
#define CMB_MAX_BREAKER_MISSES 1000
#define CMB_DEFAULT_BREAKER_COOL_DOWN 10000
#define CMB_MIN_BREAKER_COOL_DOWN 100
#define CMB_MAX_BREAKER_COOL_DOWN 600000
// Of CMB_IOCTL_REPLY: the whole request, its entries, the data of one entry.
#define CMB_MAX_REPLY_BYTES 4194304
#define CMB_MAX_REPLY_ENTRIES 1024
#define CMB_MAX_DECISION_BYTES 1048576

// What is done about an operation.
#define CMB_DECISION_NONE 0
// It goes on as if nobody had asked.
#define CMB_DECISION_ALLOW 1
// Pre: it is not performed, and ends with Status, an error.
#define CMB_DECISION_BLOCK 2
// Pre: it is not performed, and ends with STATUS_SUCCESS. Not for operations that have to answer something.
#define CMB_DECISION_BYPASS 3
// Pre of a query: it is not performed, ends with Status, and the caller gets the output of the entry.
#define CMB_DECISION_EMULATE 4
// Pre set value: Type and Data are written in place of what the caller gave.
#define CMB_DECISION_REPLACE 5
// Create and open; in post only after a failure: the key that Data names (UTF-16, absolute) in place of the one that
// was asked for, with the rights that the caller has there.
#define CMB_DECISION_REDIRECT 6
// Post: it ends with Status; with CMB_REPLY_OUTPUT, the caller of a query gets the output of the entry.
#define CMB_DECISION_OVERRIDE 7
// In a reply: what the rule says for when there is no answer.
#define CMB_DECISION_DEFAULT 8

#define CMB_DECIDED_BY_NOBODY 0
// CMB_ACTION_BLOCK or CMB_ACTION_BYPASS.
#define CMB_DECIDED_BY_RULE 1
#define CMB_DECIDED_BY_CALLBACK 2
// From here on: the rule's default, except with an exemption, which allows.
#define CMB_DECIDED_BY_TIMEOUT 3
#define CMB_DECIDED_BY_BREAKER 4
// As many operations of the session, or of the process, were held as may be, or the queue had no room for the question.
#define CMB_DECIDED_BY_LIMIT 5
// One that must not be held: by the session's own process or, if so registered, its descendants; from kernel mode; at
// APC_LEVEL. Or one from kernel mode, and the rule is not CMB_RULE_KERNEL_MODE.
#define CMB_DECIDED_BY_EXEMPTION 6
// The registration or the session ended.
#define CMB_DECIDED_BY_RELEASE 7
// CMB_DECISION_DEFAULT was the answer; or it could not be found out which rule decides.
#define CMB_DECIDED_BY_ERROR 8

// Bits of CMB_DECIDED.Flags.
// The operation waits: Decision is CMB_DECISION_NONE, and Ticket is to be answered within Deadline.
#define CMB_DECIDED_HELD 0x00000001
// The decision was not carried out: the operation went on.
#define CMB_DECIDED_DRY_RUN 0x00000002
// The operation ended in pre. The configuration manager tells a filter that ends an operation of no post notification;
// the driver makes this record in its place.
#define CMB_DECIDED_ENDED 0x00000004

// Stands behind the CMB_RECORD, at its HeaderSize less sizeof(CMB_DECIDED), of a notification with CMB_RECORD_DECIDED.
typedef struct CMB_DECIDED {
    // CMB_DECISION_*
    UINT16 Decision;
    // CMB_DECIDED_BY_*
    UINT16 By;
    // CMB_DECIDED_*
    UINT32 Flags;
    // Number of the rule in its program; CMB_RULES_NONE: it is not known.
    UINT32 Rule;
    // Which program: 1 came with REGISTER, each successful SET_RULES brings the next.
    UINT32 Ruleset;
    // How the operation ended because of the decision: the status of a block, or of what the driver did instead of the
    // operation. With CMB_DECIDED_DRY_RUN how it would have ended, as far as that is known.
    INT32 Status;
    // Held: milliseconds from when the callback began.
    UINT32 Deadline;
    // Nanoseconds from when the callback has found the rule to the decision; 0 while held.
    UINT64 Latency;
    // Held: names the question for the time since the driver was loaded; never 0. Else 0.
    UINT64 Ticket;
} CMB_DECIDED;

#define CMB_BREAKER_OPEN 1
#define CMB_BREAKER_CLOSED 2

// Body of a breaker record: a registration asks nothing any more, or asks again. Sequence is 0, Cookie the
// registration. It tells of the state as it is. Nothing is put on trial before its opening was told; a
// closing after which it opened again before that could be told is not told.
typedef struct CMB_BODY_BREAKER {
    // CMB_BREAKER_*
    UINT32 State;
    // Deadlines missed in a row when it opened.
    UINT32 Misses;
    // Milliseconds that it stays open.
    UINT32 CoolDown;
    UINT32 Reserved;
    // Closed: how many operations were not asked about meanwhile.
    UINT64 Unasked;
} CMB_BODY_BREAKER;

// Bits of CMB_REPLY_ENTRY.Flags.
// Data and ResultLength are what the caller of a query gets.
#define CMB_REPLY_OUTPUT 0x0001
// Override of a success by an error: what was done is undone. Create: the key that is new is deleted. Set value and
// delete value: the old value is put back, which takes CMB_REGISTER_OLD_VALUES and a value that was read whole.
#define CMB_REPLY_UNDO 0x0002

typedef struct CMB_REPLY_ENTRY {
    // With the data, a multiple of 8.
    UINT32 Size;
    // CMB_DECISION_*
    UINT16 Decision;
    // CMB_REPLY_*
    UINT16 Flags;
    UINT64 Ticket;
    // Block, emulate, override; else 0.
    INT32 Status;
    // Replace: REG_SZ and so on; else 0.
    UINT32 Type;
    // Output: what a buffer needs to hold all of it (ResultLength, RequiredBufferLength, length of the descriptor).
    UINT32 ResultLength;
    UINT32 Reserved;
    // Offset from the start of the entry. Output: at most as many bytes as the caller's buffer has; of
    // RegNt*QueryMultipleValueKey one CMB_MULTIPLE_ENTRY for each of its entries, then what goes to the buffer.
    CMB_SPAN Data;
} CMB_REPLY_ENTRY;

// KEY_VALUE_ENTRY without the name.
typedef struct CMB_MULTIPLE_ENTRY {
    UINT32 DataLength;
    UINT32 DataOffset;
    UINT32 Type;
    UINT32 Reserved;
} CMB_MULTIPLE_ENTRY;

// What became of an entry. All but CMB_REPLY_ACCEPTED leave things as they are: who still waits may be answered again.
#define CMB_REPLY_ACCEPTED 0
// No such question was ever put.
#define CMB_REPLY_UNKNOWN 1
// The deadline had passed.
#define CMB_REPLY_EXPIRED 2
#define CMB_REPLY_ANSWERED 3
// The registration was being removed.
#define CMB_REPLY_RELEASED 4
// The decision does not suit the class, the phase or the status of the operation.
#define CMB_REPLY_UNFIT 5
// Not a status that the decision can have.
#define CMB_REPLY_BAD_STATUS 6
// More output than the caller's buffer takes, or more data than a value or a path may have.
#define CMB_REPLY_TOO_LARGE 7
// Data that is malformed, missing or not expected.
#define CMB_REPLY_BAD_DATA 8
#define CMB_REPLY_NO_MEMORY 9
// CMB_REPLY_UNDO where the driver does not know what was before.
#define CMB_REPLY_CANNOT_UNDO 10

// What CMB_STATISTICS_REPLY says about decisions; driver, session and registration scope.
typedef struct CMB_DECISION_STATISTICS {
    // Questions put, and those that could not be put before their deadline. Asked = Answered + TimedOut + Released +
    // those that are held now.
    UINT64 Asked;
    // CMB_DECIDED_BY_CALLBACK, and CMB_DECISION_DEFAULT as an answer.
    UINT64 Answered;
    UINT64 TimedOut;
    UINT64 Released;
    // Not asked: CMB_DECIDED_BY_BREAKER, _LIMIT, _EXEMPTION, and _ERROR without an answer.
    UINT64 UnaskedBreaker;
    UINT64 UnaskedLimit;
    UINT64 UnaskedExemption;
    UINT64 UnaskedError;
    UINT64 BreakerTrips;
    // Entries of REPLY: CMB_REPLY_EXPIRED and CMB_REPLY_RELEASED; all others that were not accepted. Session and driver
    // scope: those of unknown tickets, too.
    UINT64 LateReplies;
    UINT64 RefusedReplies;
    // What was decided, by whomever; those of a dry run, too.
    UINT64 Allowed;
    UINT64 Blocked;
    UINT64 Bypassed;
    UINT64 Emulated;
    UINT64 Replaced;
    UINT64 Redirected;
    UINT64 Overridden;
    // Of these, not carried out because of CMB_DECIDED_DRY_RUN.
    UINT64 DryRun;
    // Of these, ended with an error where the driver tried to carry them out.
    UINT64 Failed;
    UINT64 Held;
    UINT64 HeldPeak;
} CMB_DECISION_STATISTICS;

#endif
