// Generated from driver/protocol/ by scripts/generate-protocol.mjs. Do not edit.

export const CMB_SPAN_PRESENT = 0x00000001;
/** Size < FullSize because of a limit. */
export const CMB_SPAN_TRUNCATED = 0x00000002;
/** The bytes could not be read from the memory of whoever called the registry; Size is 0. */
export const CMB_SPAN_FAULT = 0x00000004;
/** The bytes came with an earlier record: see CMB_RECORD.PathSlot. Offset and Size are 0. */
export const CMB_SPAN_KEPT = 0x00000008;
export const CMB_RECORD_NOTIFICATION = 1;
export const CMB_RECORD_GAP = 2;
/** Who a process is: comes before the first notification of that process and carries no Cookie. Sequence is 0. */
export const CMB_RECORD_PROCESS = 3;
/** CMB_BODY_BREAKER */
export const CMB_RECORD_BREAKER = 4;
/** Bits of CMB_RECORD.Flags. */
export const CMB_RECORD_POST = 0x00000001;
/** ExGetPreviousMode was KernelMode. */
export const CMB_RECORD_KERNEL_MODE = 0x00000002;
/** KeyPath is the configuration manager's own name of the key; otherwise it is put together from the request. */
export const CMB_RECORD_PATH_RESOLVED = 0x00000004;
export const CMB_RECORD_PATH_UNAVAILABLE = 0x00000008;
/** The pre phase was not seen, or its memory could not be had: fields that only pre knows are absent. */
export const CMB_RECORD_PRE_UNKNOWN = 0x00000010;
/** Part of a KTM transaction: of the call itself, or of the handle that it was made with. */
export const CMB_RECORD_TRANSACTED = 0x00000020;
/** The thread impersonates; Impersonation says whom if that could be found out. */
export const CMB_RECORD_IMPERSONATING = 0x00000040;
/** KeGetCurrentIrql was APC_LEVEL: what needs PASSIVE_LEVEL to be read is missing. */
export const CMB_RECORD_APC_LEVEL = 0x00000080;
/** A CMB_DECIDED stands between this structure and the body. */
export const CMB_RECORD_DECIDED = 0x00000100;
/** Bits of CMB_TOKEN.Flags: which fields are known, and what they are. */
export const CMB_TOKEN_INTEGRITY = 0x00000001;
export const CMB_TOKEN_ELEVATION = 0x00000002;
export const CMB_TOKEN_ELEVATED = 0x00000004;
export const CMB_TOKEN_SESSION = 0x00000008;
/** Bits of CMB_BODY_PROCESS.Flags. PsInitialSystemProcess. */
export const CMB_PROCESS_SYSTEM = 0x00000001;
/** A 32-bit program on 64-bit Windows. */
export const CMB_PROCESS_WOW64 = 0x00000002;
export const CMB_PROCESS_PARENT = 0x00000004;
/** Bits of CMB_BODY_GAP.Causes. */
export const CMB_GAP_QUEUE_FULL = 0x00000001;
export const CMB_GAP_NO_MEMORY = 0x00000002;
export const CMB_GAP_CAPTURE_FAULT = 0x00000004;
export const CMB_GAP_RATE_LIMIT = 0x00000008;
/** A value that was there before the operation. All zero if it was not asked for. */
export const CMB_OLD_VALUE_READ = 0x00000001;
/** Bits of CMB_BODY_LOAD.Present: optional parameters that the caller gave. */
export const CMB_LOAD_TRUST_CLASS = 0x00000001;
export const CMB_LOAD_USER_EVENT = 0x00000002;
export const CMB_LOAD_ROOT_HANDLE = 0x00000004;
export const CMB_LOAD_FILE_ACCESS_TOKEN = 0x00000008;
export const CMB_RULES_VERSION = 2;
export const CMB_MAX_RULES = 4096;
export const CMB_MAX_RULES_BYTES = 4194304;
/** Nodes from a root to a leaf, both included. */
export const CMB_MAX_RULES_DEPTH = 64;
/** Of one text: a component of a path, a value name, or a part of one between two wildcards. */
export const CMB_MAX_RULES_TEXT_UNITS = 16383;
/** Processes whose descendants rules ask for. */
export const CMB_MAX_RULES_TREES = 32;
/** A text may be long and its components many, so what it can meet is bounded: work(root) + deep(root) of each dimension, where, for a node n with the literal children L, the children G of globs and A for any component, and the child d that is CMB_RULE_NODE_DEEP,   work(n)  = 1 + size of G + words of BelowSet + max work(L) + sum work(G) + sum work(A)   globs(n) = globs below n, without those of nodes below that are CMB_RULE_NODE_DEEP or below such   all(n)   = sum of work(x) + globs(x) over the nodes x that are CMB_RULE_NODE_DEEP, n and all below it   deep(n)  = all(n) if n is CMB_RULE_NODE_DEEP, else deep(d) + max deep(L) + sum deep(G) + sum deep(A) A text then meets work(root) nodes and deep(root) more for each of its components, and each component deep(root) globs besides those that only one component meets. */
export const CMB_MAX_RULES_WORK = 8192;
/** Nodes that are CMB_RULE_NODE_DEEP and below another such node, in the whole program. */
export const CMB_MAX_RULES_NESTED = 2048;
/** Notification classes; CMB_RULES has a set for each. */
export const CMB_RULES_CLASSES = 64;
/** Where there is no set, node or child. */
export const CMB_RULES_NONE = 0xffffffff;
/** What becomes of a notification. What is decided about an operation by the last three is told by the record of its post notification, whether another rule wants that or not, if the registration's class mask has it. */
export const CMB_ACTION_IGNORE = 0;
export const CMB_ACTION_NOTIFY = 1;
/** The thread waits for a CMB_IOCTL_REPLY. Not for classes that CMB_DECISION_* cannot do anything about, which are all without a partner, close and query name. */
export const CMB_ACTION_ASK = 2;
/** CMB_DECISION_BLOCK. Pre classes but close. */
export const CMB_ACTION_BLOCK = 3;
/** CMB_DECISION_BYPASS. Pre classes of operations that have nothing to answer. */
export const CMB_ACTION_BYPASS = 4;
/** Why a program was refused. */
export const CMB_RULES_REASON_SIZE = 1;
export const CMB_RULES_REASON_VERSION = 2;
/** More of something than the limits allow. */
export const CMB_RULES_REASON_COUNT = 3;
/** A section, or what a member points to, does not lie where it should, or not inside the program. */
export const CMB_RULES_REASON_BOUNDS = 4;
export const CMB_RULES_REASON_RESERVED = 5;
/** Not an action, or one that does not suit a class that the rule is meant for. */
export const CMB_RULES_REASON_ACTION = 6;
export const CMB_RULES_REASON_SET = 7;
/** A node that its place in the tree does not allow: its kind, depth, flags or number. */
export const CMB_RULES_REASON_NODE = 8;
/** Literals of one node that do not ascend by their hashes, or of which more than two have the same. */
export const CMB_RULES_REASON_HASH = 9;
export const CMB_RULES_REASON_GLOB = 10;
/** A text that is not in upper case as this kernel has it. */
export const CMB_RULES_REASON_TEXT = 11;
/** Members of a dimension that are not in ascending order, or a SID that is none. */
export const CMB_RULES_REASON_MEMBER = 12;
/** Flags, a status or a deadline that the action of the rule cannot have. */
export const CMB_RULES_REASON_RULE = 13;
/** Members of the dimension Outcome. NT_SUCCESS of the status of a post; a pre has none of the two. */
export const CMB_OUTCOME_SUCCESS = 1;
export const CMB_OUTCOME_FAILURE = 2;
/** Bits of CMB_RULE.Flags. Ask: where there is no answer the operation is blocked with Status; without, it is allowed. Post: without an answer the operation ends with Status. */
export const CMB_RULE_FAIL_CLOSED = 0x00000001;
/** Ask, block, bypass: only as a rehearsal. */
export const CMB_RULE_DRY_RUN = 0x00000002;
/** Block, bypass: also what is called from kernel mode. */
export const CMB_RULE_KERNEL_MODE = 0x00000004;
/** CMB_RULE_NODE.Kind: by what component a node is reached from its parent. Children of one node stand in this order. */
export const CMB_RULE_NODE_ROOT = 0;
/** Together with its parent, of which it is the only child of this kind; whatever component comes, the node stays. */
export const CMB_RULE_NODE_DEEP = 1;
/** By any one component. */
export const CMB_RULE_NODE_ANY = 2;
/** By one that has the texts in their order, with anything between them. */
export const CMB_RULE_NODE_GLOB = 3;
/** By the one text. Literal children of one node ascend by their hashes, which are FNV-1a of the units, with 32 bits and one step for each unit. No more than two have the same. */
export const CMB_RULE_NODE_LITERAL = 4;
/** Bits of CMB_RULE_NODE.Flags. The first text of a glob is at the start, the last one at the end. If it has only one, not both are set. */
export const CMB_RULE_GLOB_START = 0x0001;
export const CMB_RULE_GLOB_END = 0x0002;
/** A node above this one is CMB_RULE_NODE_DEEP. */
export const CMB_RULE_NODE_BELOW = 0x0004;
/** Operations of a session that are held at a time: CMB_HELLO_REQUEST.MaxHeld. Of one process at most half of them, rounded up. */
export const CMB_DEFAULT_HELD = 1024;
export const CMB_MAX_HELD = 16384;
/** Of CMB_RULE.Deadline, in milliseconds. */
export const CMB_MIN_DEADLINE = 10;
export const CMB_MAX_DEADLINE = 10000;
/** Of CMB_REGISTER_REQUEST.BreakerMisses and BreakerCoolDown, the latter in milliseconds. */
export const CMB_DEFAULT_BREAKER_MISSES = 5;
export const CMB_MAX_BREAKER_MISSES = 1000;
export const CMB_DEFAULT_BREAKER_COOL_DOWN = 10000;
export const CMB_MIN_BREAKER_COOL_DOWN = 100;
export const CMB_MAX_BREAKER_COOL_DOWN = 600000;
/** Of CMB_IOCTL_REPLY: the whole request, its entries, the data of one entry. */
export const CMB_MAX_REPLY_BYTES = 4194304;
export const CMB_MAX_REPLY_ENTRIES = 1024;
export const CMB_MAX_DECISION_BYTES = 1048576;
/** What is done about an operation. */
export const CMB_DECISION_NONE = 0;
/** It goes on as if nobody had asked. */
export const CMB_DECISION_ALLOW = 1;
/** Pre: it is not performed, and ends with Status, an error. */
export const CMB_DECISION_BLOCK = 2;
/** Pre: it is not performed, and ends with STATUS_SUCCESS. Not for operations that have to answer something. */
export const CMB_DECISION_BYPASS = 3;
/** Pre of a query: it is not performed, ends with Status, and the caller gets the output of the entry. */
export const CMB_DECISION_EMULATE = 4;
/** Pre set value: Type and Data are written in place of what the caller gave. */
export const CMB_DECISION_REPLACE = 5;
/** Create and open; in post only after a failure: the key that Data names (UTF-16, absolute) in place of the one that was asked for, with the rights that the caller has there. */
export const CMB_DECISION_REDIRECT = 6;
/** Post: it ends with Status; with CMB_REPLY_OUTPUT, the caller of a query gets the output of the entry. */
export const CMB_DECISION_OVERRIDE = 7;
/** In a reply: what the rule says for when there is no answer. */
export const CMB_DECISION_DEFAULT = 8;
export const CMB_DECIDED_BY_NOBODY = 0;
/** CMB_ACTION_BLOCK or CMB_ACTION_BYPASS. */
export const CMB_DECIDED_BY_RULE = 1;
export const CMB_DECIDED_BY_CALLBACK = 2;
/** From here on: the rule's default, except with an exemption, which allows. */
export const CMB_DECIDED_BY_TIMEOUT = 3;
export const CMB_DECIDED_BY_BREAKER = 4;
/** As many operations of the session, or of the process, were held as may be, or the queue had no room for the question. */
export const CMB_DECIDED_BY_LIMIT = 5;
/** One that must not be held: by the session's own process or, if so registered, its descendants; from kernel mode; at APC_LEVEL. Or one from kernel mode, and the rule is not CMB_RULE_KERNEL_MODE. */
export const CMB_DECIDED_BY_EXEMPTION = 6;
/** The registration or the session ended. */
export const CMB_DECIDED_BY_RELEASE = 7;
/** CMB_DECISION_DEFAULT was the answer; or it could not be found out which rule decides. */
export const CMB_DECIDED_BY_ERROR = 8;
/** Bits of CMB_DECIDED.Flags. The operation waits: Decision is CMB_DECISION_NONE, and Ticket is to be answered within Deadline. */
export const CMB_DECIDED_HELD = 0x00000001;
/** The decision was not carried out: the operation went on. */
export const CMB_DECIDED_DRY_RUN = 0x00000002;
/** The operation ended in pre. The configuration manager tells a filter that ends an operation of no post notification; the driver makes this record in its place. */
export const CMB_DECIDED_ENDED = 0x00000004;
export const CMB_BREAKER_OPEN = 1;
export const CMB_BREAKER_CLOSED = 2;
/** Bits of CMB_REPLY_ENTRY.Flags. Data and ResultLength are what the caller of a query gets. */
export const CMB_REPLY_OUTPUT = 0x0001;
/** Override of a success by an error: what was done is undone. Create: the key that is new is deleted. Set value and delete value: the old value is put back, which takes CMB_REGISTER_OLD_VALUES and a value that was read whole. */
export const CMB_REPLY_UNDO = 0x0002;
/** What became of an entry. All but CMB_REPLY_ACCEPTED leave things as they are: who still waits may be answered again. */
export const CMB_REPLY_ACCEPTED = 0;
/** No such question was ever put. */
export const CMB_REPLY_UNKNOWN = 1;
/** The deadline had passed. */
export const CMB_REPLY_EXPIRED = 2;
export const CMB_REPLY_ANSWERED = 3;
/** The registration was being removed. */
export const CMB_REPLY_RELEASED = 4;
/** The decision does not suit the class, the phase or the status of the operation. */
export const CMB_REPLY_UNFIT = 5;
/** Not a status that the decision can have. */
export const CMB_REPLY_BAD_STATUS = 6;
/** More output than the caller's buffer takes, or more data than a value or a path may have. */
export const CMB_REPLY_TOO_LARGE = 7;
/** Data that is malformed, missing or not expected. */
export const CMB_REPLY_BAD_DATA = 8;
export const CMB_REPLY_NO_MEMORY = 9;
/** CMB_REPLY_UNDO where the driver does not know what was before. */
export const CMB_REPLY_CANNOT_UNDO = 10;
/** Changes when an existing client would misread the driver or the driver an existing client. */
export const CMB_PROTOCOL_MAJOR = 2;
/** Changes when something was added that old clients may ignore. */
export const CMB_PROTOCOL_MINOR = 0;
/** Version of each structure as it stands here. */
export const CMB_STRUCTURE_VERSION = 1;
/** Limits. HELLO reports those that a client must respect, so that a driver may raise them later. */
export const CMB_MAX_ALTITUDE_BYTES = 510;
export const CMB_MAX_REGISTRATIONS = 64;
/** Those of all sessions that are CMB_REGISTER_PERSIST, whose session is gone included. */
export const CMB_MAX_PERSISTENT_REGISTRATIONS = 64;
export const CMB_MAX_PATH_BYTES = 65534;
export const CMB_MAX_VALUE_NAME_BYTES = 32766;
export const CMB_MAX_CLASS_NAME_BYTES = 2048;
export const CMB_DEFAULT_DATA_BYTES = 4096;
export const CMB_MAX_DATA_BYTES = 65536;
export const CMB_MAX_FILE_NAME_BYTES = 65534;
export const CMB_MAX_SECURITY_DESCRIPTOR_BYTES = 65536;
export const CMB_MAX_IMAGE_PATH_BYTES = 65534;
export const CMB_MAX_COMMAND_LINE_BYTES = 65534;
export const CMB_MAX_SID_BYTES = 68;
/** Of one RegNtPreQueryMultipleValueKey: entries, and bytes of all their names together. */
export const CMB_MAX_VALUE_ENTRIES = 256;
export const CMB_MAX_ENTRY_NAMES_BYTES = 65536;
export const CMB_MAX_RECORD_BYTES = 294912;
export const CMB_MIN_RECEIVE_BYTES = 327680;
export const CMB_MAX_RECEIVE_BYTES = 4194304;
export const CMB_MAX_PENDED_RECEIVES = 64;
export const CMB_MIN_QUEUE_BYTES = 524288;
export const CMB_DEFAULT_QUEUE_BYTES = 4194304;
export const CMB_MAX_QUEUE_BYTES = 67108864;
export const CMB_DEFAULT_QUEUE_RECORDS = 65536;
export const CMB_MAX_QUEUE_RECORDS = 1048576;
/** Processes that a session is kept informed of at a time; see CMB_BODY_PROCESS. */
export const CMB_PROCESS_SLOTS = 1024;
/** Key paths that a session keeps to refer to; see CMB_RECORD.PathSlot. Longer ones are not kept. */
export const CMB_PATH_SLOTS = 1024;
export const CMB_MAX_KEPT_PATH_BYTES = 1024;
/** Of CMB_REGISTER_REQUEST.RateLimit and RateBurst. */
export const CMB_MAX_RATE = 1000000000;
/** Highest notification class number that a class mask can name. */
export const CMB_MAX_NOTIFY_CLASS = 63;
/** First call on a handle: versions, limits, size of the session's queue. CMB_HELLO_REQUEST -> CMB_HELLO_REPLY. Always answered, whatever the client's protocol version is; the session is ready only if Status is STATUS_SUCCESS. */
export const CMB_IOCTL_HELLO = 0x0022e000;
/** One CmRegisterCallbackEx. CMB_REGISTER_REQUEST + altitude -> CMB_REGISTER_REPLY with its NTSTATUS and cookie. */
export const CMB_IOCTL_REGISTER = 0x0022e004;
/** One CmUnRegisterCallback; returns when no notification of the registration is in flight any more. CMB_UNREGISTER_REQUEST -> CMB_UNREGISTER_REPLY. A cookie of another session is unknown here. */
export const CMB_IOCTL_UNREGISTER = 0x0022e008;
/** Pends until there are records; then as many whole records as fit. No input -> CMB_BATCH + records. */
export const CMB_IOCTL_RECEIVE = 0x0022e00e;
/** Counters of the driver, the session or one registration. CMB_STATISTICS_REQUEST -> CMB_STATISTICS_REPLY. */
export const CMB_IOCTL_STATISTICS = 0x0022e010;
/** Decisions about operations that are held. CMB_REPLY_REQUEST + entries -> CMB_REPLY_REPLY + results. Does not wait. */
export const CMB_IOCTL_REPLY = 0x0022e014;
/** Replaces the rules of one registration as a whole. CMB_SET_RULES_REQUEST + program -> CMB_SET_RULES_REPLY. An operation belongs to the rules that were in force when its pre notification came. */
export const CMB_IOCTL_SET_RULES = 0x0022e018;
/** Bits of CMB_HELLO_REPLY.Capabilities: optional requests that this driver answers. */
export const CMB_CAPABILITY_REPLY = 0x00000001;
export const CMB_CAPABILITY_SET_RULES = 0x00000002;
/** Bits of CMB_REGISTER_REQUEST.Options. Set value and delete value records carry the value that was there before, delete key records the number of values and subkeys: read in the pre callback by calls that only filters of lower altitude see. */
export const CMB_REGISTER_OLD_VALUES = 0x00000001;
/** All decisions of the registration are rehearsals, as with CMB_RULE_DRY_RUN. */
export const CMB_REGISTER_DRY_RUN = 0x00000004;
/** Processes that descend from that of the session are not asked about. */
export const CMB_REGISTER_EXEMPT_CHILDREN = 0x00000008;
/** When the session ends, the registration stays without it: CMB_ACTION_BLOCK and _BYPASS go on, questions have their defaults, nothing is recorded. It ends when any session gives its cookie to UNREGISTER or registers at its altitude, or when the driver is unloaded. */
export const CMB_REGISTER_PERSIST = 0x00000010;
export const CMB_SCOPE_DRIVER = 1;
export const CMB_SCOPE_SESSION = 2;
export const CMB_SCOPE_REGISTRATION = 3;

// Each structure: its size, and the offset of each field.

export const CMB_SPAN = {
  size: 16,
  Offset: 0,
  Size: 4,
  FullSize: 8,
  Flags: 12,
} as const;

export const CMB_RECORD = {
  size: 168,
  Size: 0,
  HeaderSize: 4,
  Kind: 6,
  Sequence: 8,
  Time: 16,
  Cookie: 24,
  PreSequence: 32,
  NotifyClass: 40,
  Status: 44,
  ProcessId: 48,
  ThreadId: 52,
  Flags: 56,
  BodySize: 60,
  KeyPath: 64,
  OtherPath: 80,
  ProcessKey: 96,
  KeyObject: 104,
  Duration: 112,
  ProcessSlot: 120,
  RootSize: 124,
  Impersonation: 128,
  Transaction: 144,
  PathSlot: 160,
  PathSerial: 164,
} as const;

export const CMB_TOKEN = {
  size: 32,
  Flags: 0,
  IntegrityLevel: 4,
  SessionId: 8,
  Reserved: 12,
  UserSid: 16,
} as const;

export const CMB_IMPERSONATION = {
  size: 40,
  Token: 0,
  Level: 32,
  Reserved: 36,
} as const;

export const CMB_BODY_PROCESS = {
  size: 80,
  CreateTime: 0,
  ParentProcessId: 8,
  Flags: 12,
  ImagePath: 16,
  CommandLine: 32,
  Token: 48,
} as const;

export const CMB_BODY_GAP = {
  size: 64,
  Count: 0,
  FirstSequence: 8,
  LastSequence: 16,
  Causes: 24,
  Reserved: 28,
  QueueFull: 32,
  NoMemory: 40,
  CaptureFault: 48,
  RateLimit: 56,
} as const;

export const CMB_OLD_VALUE = {
  size: 32,
  Data: 0,
  Type: 16,
  Status: 20,
  Flags: 24,
  Reserved: 28,
} as const;

export const CMB_BODY_CREATE = {
  size: 80,
  RequestedName: 0,
  ClassName: 16,
  SecurityDescriptor: 32,
  DesiredAccess: 48,
  GrantedAccess: 52,
  Options: 56,
  Disposition: 60,
  Attributes: 64,
  Wow64Flags: 68,
  CheckAccessMode: 72,
  StructureVersion: 76,
} as const;

export const CMB_BODY_SET_VALUE = {
  size: 72,
  ValueName: 0,
  Data: 16,
  Type: 32,
  TitleIndex: 36,
  Old: 40,
} as const;

export const CMB_BODY_DELETE_VALUE = {
  size: 48,
  ValueName: 0,
  Old: 16,
} as const;

export const CMB_BODY_DELETE_KEY = {
  size: 16,
  Values: 0,
  SubKeys: 4,
  Status: 8,
  Flags: 12,
} as const;

export const CMB_BODY_RENAME = {
  size: 16,
  NewName: 0,
} as const;

export const CMB_BODY_SET_INFORMATION = {
  size: 24,
  Information: 0,
  InformationClass: 16,
  Reserved: 20,
} as const;

export const CMB_BODY_QUERY = {
  size: 48,
  ValueName: 0,
  Information: 16,
  Index: 32,
  InformationClass: 36,
  Length: 40,
  ResultLength: 44,
} as const;

export const CMB_VALUE_ENTRY = {
  size: 32,
  ValueName: 0,
  DataOffset: 16,
  DataLength: 20,
  Type: 24,
  Reserved: 28,
} as const;

export const CMB_BODY_QUERY_MULTIPLE = {
  size: 48,
  Entries: 0,
  Data: 16,
  EntryCount: 32,
  BufferLength: 36,
  RequiredLength: 40,
  BufferSize: 44,
} as const;

export const CMB_BODY_CLOSE = {
  size: 16,
  OpenerKey: 0,
  OpenerSlot: 8,
  OpenerProcessId: 12,
} as const;

export const CMB_BODY_LOAD = {
  size: 48,
  KeyName: 0,
  SourceFile: 16,
  LoadFlags: 32,
  DesiredAccess: 36,
  Present: 40,
  StructureVersion: 44,
} as const;

export const CMB_BODY_UNLOAD = {
  size: 8,
  UserEvent: 0,
  Reserved: 4,
} as const;

export const CMB_BODY_SECURITY = {
  size: 32,
  Descriptor: 0,
  SecurityInformation: 16,
  Length: 20,
  BufferSize: 24,
  Reserved: 28,
} as const;

export const CMB_BODY_FILE = {
  size: 24,
  FileName: 0,
  FileFlags: 16,
  Reserved: 20,
} as const;

export const CMB_BODY_REPLACE = {
  size: 32,
  NewFileName: 0,
  OldFileName: 16,
} as const;

export const CMB_BODY_QUERY_NAME = {
  size: 24,
  Name: 0,
  Length: 16,
  ReturnLength: 20,
} as const;

export const CMB_RULE_DIMENSION = {
  size: 16,
  Any: 0,
  Root: 4,
  MemberFirst: 8,
  MemberCount: 12,
} as const;

export const CMB_RULES = {
  size: 472,
  Size: 0,
  Version: 4,
  HeaderSize: 6,
  ClassMask: 8,
  Otherwise: 16,
  Reserved: 20,
  RuleCount: 24,
  NodeCount: 28,
  TextCount: 32,
  SetCount: 36,
  WordCount: 40,
  MemberCount: 44,
  UnitCount: 48,
  ByteCount: 52,
  ClassSets: 56,
  Key: 312,
  ValueName: 328,
  ValueType: 344,
  Outcome: 360,
  Image: 376,
  User: 392,
  ProcessId: 408,
  SessionId: 424,
  Elevated: 440,
  Tree: 456,
} as const;

export const CMB_RULE = {
  size: 16,
  Action: 0,
  Flags: 4,
  Status: 8,
  Deadline: 12,
} as const;

export const CMB_RULE_SET = {
  size: 16,
  Summary: 0,
  WordFirst: 8,
  Reserved: 12,
} as const;

export const CMB_RULE_NODE = {
  size: 40,
  Kind: 0,
  Flags: 2,
  Depth: 4,
  TextFirst: 8,
  TextCount: 12,
  ChildFirst: 16,
  ChildCount: 20,
  LiteralCount: 24,
  EndSet: 28,
  BelowSet: 32,
  Nested: 36,
} as const;

export const CMB_RULE_TEXT = {
  size: 8,
  UnitFirst: 0,
  UnitCount: 4,
} as const;

export const CMB_RULE_MEMBER = {
  size: 16,
  Value: 0,
  Set: 8,
  Reserved: 12,
} as const;

export const CMB_DECIDED = {
  size: 40,
  Decision: 0,
  By: 2,
  Flags: 4,
  Rule: 8,
  Ruleset: 12,
  Status: 16,
  Deadline: 20,
  Latency: 24,
  Ticket: 32,
} as const;

export const CMB_BODY_BREAKER = {
  size: 24,
  State: 0,
  Misses: 4,
  CoolDown: 8,
  Reserved: 12,
  Unasked: 16,
} as const;

export const CMB_REPLY_ENTRY = {
  size: 48,
  Size: 0,
  Decision: 4,
  Flags: 6,
  Ticket: 8,
  Status: 16,
  Type: 20,
  ResultLength: 24,
  Reserved: 28,
  Data: 32,
} as const;

export const CMB_MULTIPLE_ENTRY = {
  size: 16,
  DataLength: 0,
  DataOffset: 4,
  Type: 8,
  Reserved: 12,
} as const;

export const CMB_DECISION_STATISTICS = {
  size: 176,
  Asked: 0,
  Answered: 8,
  TimedOut: 16,
  Released: 24,
  UnaskedBreaker: 32,
  UnaskedLimit: 40,
  UnaskedExemption: 48,
  UnaskedError: 56,
  BreakerTrips: 64,
  LateReplies: 72,
  RefusedReplies: 80,
  Allowed: 88,
  Blocked: 96,
  Bypassed: 104,
  Emulated: 112,
  Replaced: 120,
  Redirected: 128,
  Overridden: 136,
  DryRun: 144,
  Failed: 152,
  Held: 160,
  HeldPeak: 168,
} as const;

export const CMB_HEADER = {
  size: 8,
  Size: 0,
  Version: 4,
  Flags: 6,
} as const;

export const CMB_HELLO_REQUEST = {
  size: 24,
  Header: 0,
  ProtocolMajor: 8,
  ProtocolMinor: 10,
  QueueBytes: 12,
  QueueRecords: 16,
  MaxHeld: 20,
} as const;

export const CMB_HELLO_REPLY = {
  size: 80,
  Header: 0,
  Status: 8,
  ProtocolMajor: 12,
  ProtocolMinor: 14,
  CallbackMajor: 16,
  CallbackMinor: 20,
  Capabilities: 24,
  MaxRegistrations: 28,
  MaxDataBytes: 32,
  MaxAltitudeBytes: 36,
  MinReceiveBytes: 40,
  MaxReceiveBytes: 44,
  QueueBytes: 48,
  QueueRecords: 52,
  ProcessSlots: 56,
  PathSlots: 60,
  MaxRulesBytes: 64,
  ControlSet: 68,
  MaxHeld: 72,
  Reserved: 76,
} as const;

export const CMB_REGISTER_REQUEST = {
  size: 48,
  Header: 0,
  ClassMask: 8,
  MaxDataBytes: 16,
  AltitudeSize: 20,
  Reserved: 22,
  Options: 24,
  ProgramSize: 28,
  RateLimit: 32,
  RateBurst: 36,
  BreakerMisses: 40,
  BreakerCoolDown: 44,
} as const;

export const CMB_REGISTER_REPLY = {
  size: 32,
  Header: 0,
  Status: 8,
  Reason: 12,
  Cookie: 16,
  Offset: 24,
  Reserved: 28,
} as const;

export const CMB_UNREGISTER_REQUEST = {
  size: 16,
  Header: 0,
  Cookie: 8,
} as const;

export const CMB_UNREGISTER_REPLY = {
  size: 32,
  Header: 0,
  Status: 8,
  Reserved: 12,
  Recorded: 16,
  Lost: 24,
} as const;

export const CMB_STATISTICS_REQUEST = {
  size: 24,
  Header: 0,
  Scope: 8,
  Reserved: 12,
  Cookie: 16,
} as const;

export const CMB_STATISTICS_REPLY = {
  size: 336,
  Header: 0,
  Scope: 8,
  Sessions: 12,
  Registrations: 16,
  PendedReceives: 20,
  Callbacks: 24,
  Recorded: 32,
  Delivered: 40,
  Lost: 48,
  LostQueueFull: 56,
  LostNoMemory: 64,
  LostCaptureFault: 72,
  LostRateLimit: 80,
  PathFailures: 88,
  CaptureFaults: 96,
  LastSequence: 104,
  QueueBytes: 112,
  QueueBytesPeak: 120,
  QueueBytesLimit: 128,
  QueueRecords: 136,
  QueueRecordsPeak: 144,
  QueueRecordsLimit: 152,
  Decisions: 160,
} as const;

export const CMB_BATCH = {
  size: 32,
  Size: 0,
  Version: 4,
  HeaderSize: 6,
  RecordCount: 8,
  Flags: 12,
  Lost: 16,
  Reserved: 24,
} as const;

export const CMB_REPLY_REQUEST = {
  size: 16,
  Header: 0,
  Count: 8,
  Reserved: 12,
} as const;

export const CMB_REPLY_REPLY = {
  size: 16,
  Header: 0,
  Count: 8,
  Reserved: 12,
} as const;

export const CMB_SET_RULES_REQUEST = {
  size: 24,
  Header: 0,
  Cookie: 8,
  ProgramSize: 16,
  Reserved: 20,
} as const;

export const CMB_SET_RULES_REPLY = {
  size: 32,
  Header: 0,
  Status: 8,
  Reason: 12,
  Offset: 16,
  Reserved: 20,
  Sequence: 24,
} as const;
