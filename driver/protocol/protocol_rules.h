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

#define CMB_RULES_VERSION 2
#define CMB_MAX_RULES 4096
#define CMB_MAX_RULES_BYTES 4194304
// Nodes from a root to a leaf, both included.
#define CMB_MAX_RULES_DEPTH 64
// Of one text: a component of a path, a value name, or a part of one between two wildcards.
#define CMB_MAX_RULES_TEXT_UNITS 16383
// Processes whose descendants rules ask for.
#define CMB_MAX_RULES_TREES 32
// A text may be long and its components many, so what it can meet is bounded: work(root) + deep(root) of each
// dimension, where, for a node n with the literal children L, the children G of globs and A for any component, and the
// child d that is CMB_RULE_NODE_DEEP,
//   work(n)  = 1 + size of G + words of BelowSet + max work(L) + sum work(G) + sum work(A)
//   globs(n) = globs below n, without those of nodes below that are CMB_RULE_NODE_DEEP or below such
//   all(n)   = sum of work(x) + globs(x) over the nodes x that are CMB_RULE_NODE_DEEP, n and all below it
//   deep(n)  = all(n) if n is CMB_RULE_NODE_DEEP, else deep(d) + max deep(L) + sum deep(G) + sum deep(A)
// A text then meets work(root) nodes and deep(root) more for each of its components, and each component deep(root)
// globs besides those that only one component meets.
#define CMB_MAX_RULES_WORK 8192
// Nodes that are CMB_RULE_NODE_DEEP and below another such node, in the whole program.
#define CMB_MAX_RULES_NESTED 2048
// Notification classes; CMB_RULES has a set for each.
#define CMB_RULES_CLASSES 64
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
// A section, or what a member points to, does not lie where it should, or not inside the program.
#define CMB_RULES_REASON_BOUNDS 4
#define CMB_RULES_REASON_RESERVED 5
// Not an action, or one that does not suit a class that the rule is meant for.
#define CMB_RULES_REASON_ACTION 6
#define CMB_RULES_REASON_SET 7
// A node that its place in the tree does not allow: its kind, depth, flags or number.
#define CMB_RULES_REASON_NODE 8
// Literals of one node that do not ascend by their hashes, or of which more than two have the same.
#define CMB_RULES_REASON_HASH 9
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

// The sections lie behind the header in the order of their counts, each at the next multiple of 8, and nothing else.
typedef struct CMB_RULES {
    // Whole program, a multiple of 8.
    UINT32 Size;
    UINT16 Version;
    UINT16 HeaderSize;
    // Bit n: notification class n may have a verdict that is not CMB_ACTION_IGNORE. Without its bit it has no other.
    UINT64 ClassMask;
    // CMB_ACTION_* where no rule matches.
    UINT32 Otherwise;
    UINT32 Reserved;
    // CMB_RULE
    UINT32 RuleCount;
    // CMB_RULE_NODE
    UINT32 NodeCount;
    // CMB_RULE_TEXT
    UINT32 TextCount;
    // CMB_RULE_SET
    UINT32 SetCount;
    // UINT64 of sets.
    UINT32 WordCount;
    // CMB_RULE_MEMBER
    UINT32 MemberCount;
    // UTF-16 units, all in upper case.
    UINT32 UnitCount;
    // Bytes of SIDs.
    UINT32 ByteCount;
    // The set of the rules that are meant for each notification class.
    UINT32 ClassSets[CMB_RULES_CLASSES];
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

// CMB_RULE_NODE.Kind: by what component a node is reached from its parent. Children of one node stand in this order.
#define CMB_RULE_NODE_ROOT 0
// Together with its parent, of which it is the only child of this kind; whatever component comes, the node stays.
#define CMB_RULE_NODE_DEEP 1
// By any one component.
#define CMB_RULE_NODE_ANY 2
// By one that has the texts in their order, with anything between them.
#define CMB_RULE_NODE_GLOB 3
// By the one text. Literal children of one node ascend by their hashes, which are FNV-1a of the units, with 32 bits and
// one step for each unit. No more than two have the same.
#define CMB_RULE_NODE_LITERAL 4

// Bits of CMB_RULE_NODE.Flags.
// The first text of a glob is at the start, the last one at the end. If it has only one, not both are set.
#define CMB_RULE_GLOB_START 0x0001
#define CMB_RULE_GLOB_END 0x0002
// A node above this one is CMB_RULE_NODE_DEEP.
#define CMB_RULE_NODE_BELOW 0x0004

// A place in the patterns of one dimension. The trees of the dimensions stand one behind the other; each begins with
// its root, and the children of its nodes follow in the order of these nodes. Texts and their units do, too.
typedef struct CMB_RULE_NODE {
    // CMB_RULE_NODE_*
    UINT16 Kind;
    UINT16 Flags;
    // 1 for a root, one more than that of the parent for others.
    UINT32 Depth;
    // Where nodes that came before have no text, and no child; also if there are none.
    UINT32 TextFirst;
    UINT32 TextCount;
    UINT32 ChildFirst;
    UINT32 ChildCount;
    // How many children are literals.
    UINT32 LiteralCount;
    // The rules with a pattern that ends here; CMB_RULES_NONE or a set.
    UINT32 EndSet;
    // The rules with a pattern that ends here and takes in everything below.
    UINT32 BelowSet;
    // Numbers the nodes that are CMB_RULE_NODE_DEEP and CMB_RULE_NODE_BELOW; CMB_RULES_NONE for others.
    UINT32 Nested;
} CMB_RULE_NODE;

// Only that of a literal may be empty.
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
