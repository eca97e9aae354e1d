// SPDX-License-Identifier: MIT
//
// A rule program: the rules of a registration as tables that the driver only walks. lib/rules makes them,
// rules_verify.c checks them completely. Included by protocol.h only.
//
// Rules are numbered in their order; the lowest that matches decides. Each condition that rules can have is a
// dimension. In every dimension the driver finds the set of rules that are content with what it has before it; the
// rules that are in all of these sets match.

#ifndef CMBRIDGE_PROTOCOL_RULES_H
#define CMBRIDGE_PROTOCOL_RULES_H

#define CMB_RULES_VERSION 1
#define CMB_MAX_RULES 4096
#define CMB_MAX_RULES_BYTES 4194304
// Nodes from a root to a leaf, both included.
#define CMB_MAX_RULES_DEPTH 64
// Of one text: a component of a path, a value name, or a part of one between two wildcards.
#define CMB_MAX_RULES_TEXT_UNITS 16383
// Processes whose descendants rules ask for.
#define CMB_MAX_RULES_TREES 32
// A text may be long and its components many, so what it can meet is bounded: work(root) + deep(root) of each
// dimension, where, for a node n with the literal children L, the children G of globs, AnyChild a and DeepChild d,
//   work(n)  = 1 + GlobCount + words of BelowSet + max work(L) + sum work(G) + work(a)
//   globs(n) = globs of n and the nodes below it, without those of nodes below that are CMB_RULE_NODE_DEEP or below
//   such all(n)   = sum of work(x) + globs(x) over the nodes x that are CMB_RULE_NODE_DEEP, n and all below it deep(n)
//   = all(n) if n is CMB_RULE_NODE_DEEP, else deep(d) + max deep(L) + sum deep(G) + deep(a)
// A text then meets work(root) nodes and deep(root) more for each of its components, and each component deep(root)
// globs besides those that only one component meets.
#define CMB_MAX_RULES_WORK 8192
// Nodes that are CMB_RULE_NODE_DEEP and below another such node, in the whole program.
#define CMB_MAX_RULES_NESTED 2048
// An entry of a hash table lies less than this behind its place.
#define CMB_MAX_RULES_PROBES 64
// All edges and texts together; they may share units.
#define CMB_MAX_RULES_UNITS 4194304
// Where there is no set, node or child.
#define CMB_RULES_NONE 0xFFFFFFFF

// What becomes of a notification. What is decided about an operation by the last three is told by the record of its
// post notification, whether another rule wants that or not, if the registration's class mask has it.
#define CMB_ACTION_IGNORE 0
#define CMB_ACTION_NOTIFY 1
// The thread waits for a CMB_IOCTL_REPLY. Not for classes that CMB_DECISION_* cannot do anything about, which are all
// without a partner, close and query name.
#define CMB_ACTION_ASK 2
// CMB_DECISION_BLOCK. Pre classes but close.
#define CMB_ACTION_BLOCK 3
// CMB_DECISION_BYPASS. Pre classes of operations that have nothing to answer.
#define CMB_ACTION_BYPASS 4

// Why a program was refused.
#define CMB_RULES_REASON_SIZE 1
#define CMB_RULES_REASON_VERSION 2
// More of something than the limits allow.
#define CMB_RULES_REASON_COUNT 3
// A section, or what a member points to, lies outside the program or is not aligned.
#define CMB_RULES_REASON_BOUNDS 4
#define CMB_RULES_REASON_RESERVED 5
// Not an action, or one that does not suit a class that the rule is meant for.
#define CMB_RULES_REASON_ACTION 6
#define CMB_RULES_REASON_SET 7
// A child that does not come after its parent, is not one deeper, or lies too deep.
#define CMB_RULES_REASON_NODE 8
// A hash table that is not one: size, hash, place of an entry; or entries that are not of one node alone.
#define CMB_RULES_REASON_EDGE 9
#define CMB_RULES_REASON_GLOB 10
// A text that is not in upper case as this kernel has it.
#define CMB_RULES_REASON_TEXT 11
// Members of a dimension that are not in ascending order, or a SID that is none.
#define CMB_RULES_REASON_MEMBER 12
// Flags, a status or a deadline that the action of the rule cannot have.
#define CMB_RULES_REASON_RULE 13

// A condition. Unused: Any and Root are CMB_RULES_NONE, and MemberCount is 0.
typedef struct CMB_RULE_DIMENSION {
    // The rules without this condition.
    UINT32 Any;
    // Key, value name and image: the node that the text is matched from.
    UINT32 Root;
    // The other dimensions: CMB_RULE_MEMBER, ascending by Value. Users are in no order.
    UINT32 MemberFirst;
    UINT32 MemberCount;
} CMB_RULE_DIMENSION;

// The sections lie behind the header at these offsets from its start, which are multiples of 8.
typedef struct CMB_RULES {
    // Whole program, a multiple of 8.
    UINT32 Size;
    UINT16 Version;
    UINT16 HeaderSize;
    // CMB_RULE
    UINT32 RuleOffset;
    UINT32 RuleCount;
    // Bit n: notification class n may have a verdict that is not CMB_ACTION_IGNORE. Without its bit it has no other.
    UINT64 ClassMask;
    // CMB_ACTION_* where no rule matches.
    UINT32 Otherwise;
    UINT32 Reserved;
    // 64 UINT32: for each notification class the set of the rules that are meant for it.
    UINT32 ClassOffset;
    // CMB_RULE_NODE
    UINT32 NodeOffset;
    UINT32 NodeCount;
    // CMB_RULE_EDGE
    UINT32 EdgeOffset;
    UINT32 EdgeCount;
    // CMB_RULE_GLOB
    UINT32 GlobOffset;
    UINT32 GlobCount;
    // CMB_RULE_TEXT: what globs look for.
    UINT32 TextOffset;
    UINT32 TextCount;
    // CMB_RULE_SET
    UINT32 SetOffset;
    UINT32 SetCount;
    // UINT64 of sets.
    UINT32 WordOffset;
    UINT32 WordCount;
    // CMB_RULE_MEMBER
    UINT32 MemberOffset;
    UINT32 MemberCount;
    // UTF-16 units, all in upper case.
    UINT32 UnitOffset;
    UINT32 UnitCount;
    // Bytes of SIDs.
    UINT32 ByteOffset;
    UINT32 ByteCount;
    UINT32 Reserved2;
    CMB_RULE_DIMENSION Key;
    CMB_RULE_DIMENSION ValueName;
    // REG_SZ and so on, of what a set value writes.
    CMB_RULE_DIMENSION ValueType;
    // CMB_OUTCOME_*
    CMB_RULE_DIMENSION Outcome;
    CMB_RULE_DIMENSION Image;
    // Whom the thread acts for. Value: offset of the SID in the bytes, and its size in the upper 32 bits.
    CMB_RULE_DIMENSION User;
    CMB_RULE_DIMENSION ProcessId;
    CMB_RULE_DIMENSION SessionId;
    // 0 or 1.
    CMB_RULE_DIMENSION Elevated;
    // Process ids: the process or one of its descendants.
    CMB_RULE_DIMENSION Tree;
} CMB_RULES;

// Members of the dimension Outcome. NT_SUCCESS of the status of a post; a pre has none of the two.
#define CMB_OUTCOME_SUCCESS 1
#define CMB_OUTCOME_FAILURE 2

// Bits of CMB_RULE.Flags.
// Ask: where there is no answer the operation is blocked with Status; without, it is allowed. Post: without an answer
// the operation ends with Status.
#define CMB_RULE_FAIL_CLOSED 0x00000001
// Ask, block, bypass: only as a rehearsal.
#define CMB_RULE_DRY_RUN 0x00000002
// Block, bypass: also what is called from kernel mode.
#define CMB_RULE_KERNEL_MODE 0x00000004

typedef struct CMB_RULE {
    // CMB_ACTION_*
    UINT32 Action;
    // CMB_RULE_*
    UINT32 Flags;
    // Block, and CMB_RULE_FAIL_CLOSED: an error (0xC0000000 and above) but STATUS_CALLBACK_BYPASS. Else 0.
    INT32 Status;
    // Ask: CMB_MIN_DEADLINE .. CMB_MAX_DEADLINE milliseconds. Else 0.
    UINT32 Deadline;
} CMB_RULE;

// Rules as bits: bit n of Summary says that rules 64 n .. 64 n + 63 have a word, which is not 0; the words of a set
// follow each other from WordFirst on.
typedef struct CMB_RULE_SET {
    UINT64 Summary;
    UINT32 WordFirst;
    UINT32 Reserved;
} CMB_RULE_SET;

// Bits of CMB_RULE_NODE.Flags.
// Whatever component comes, the node stays.
#define CMB_RULE_NODE_DEEP 0x00000001

// A place in the patterns of one dimension. Children come after their parents, and each has one parent.
typedef struct CMB_RULE_NODE {
    // Literal components: a hash table with open addressing and linear probing. Count is 0 or a power of two, and at
    // least one entry is empty. No other node has these entries, and no more than two have the same hash.
    UINT32 EdgeFirst;
    UINT32 EdgeCount;
    // Components with wildcards.
    UINT32 GlobFirst;
    UINT32 GlobCount;
    // After any one component.
    UINT32 AnyChild;
    // Reached together with this node: it is CMB_RULE_NODE_DEEP.
    UINT32 DeepChild;
    // The rules with a pattern that ends here; CMB_RULES_NONE or a set.
    UINT32 EndSet;
    // The rules with a pattern that ends here and takes in everything below.
    UINT32 BelowSet;
    UINT32 Flags;
    // 1 for a root, one more than that of the parent for others.
    UINT32 Depth;
} CMB_RULE_NODE;

typedef struct CMB_RULE_EDGE {
    // FNV-1a of the units in upper case, 32 bits, one step for each unit; its place is Hash modulo EdgeCount.
    UINT32 Hash;
    // CMB_RULES_NONE: the entry is empty, and all else is 0.
    UINT32 Child;
    // First unit, and number of units.
    UINT32 UnitFirst;
    UINT32 UnitCount;
} CMB_RULE_EDGE;

// Bits of CMB_RULE_GLOB.Flags.
// The first text is at the start, the last one at the end.
#define CMB_RULE_GLOB_START 0x00000001
#define CMB_RULE_GLOB_END 0x00000002

// The texts in this order, with anything between them; none is empty. One text has at most one of the flags. Texts
// belong to one glob.
typedef struct CMB_RULE_GLOB {
    UINT32 TextFirst;
    UINT32 TextCount;
    UINT32 Flags;
    UINT32 Child;
} CMB_RULE_GLOB;

typedef struct CMB_RULE_TEXT {
    UINT32 UnitFirst;
    UINT32 UnitCount;
} CMB_RULE_TEXT;

typedef struct CMB_RULE_MEMBER {
    UINT64 Value;
    UINT32 Set;
    UINT32 Reserved;
} CMB_RULE_MEMBER;

#endif
