// Generated from driver/protocol.h by scripts/generate-protocol.mjs. Do not edit.

/** Changes when an existing client would misread the driver or the driver an existing client. */
export const CMB_PROTOCOL_MAJOR = 1;
/** Changes when something was added that old clients may ignore. */
export const CMB_PROTOCOL_MINOR = 0;
/** Version of each structure as it stands here. */
export const CMB_STRUCTURE_VERSION = 1;
/** Limits. HELLO reports those that a client must respect, so that a driver may raise them later. */
export const CMB_MAX_ALTITUDE_BYTES = 510;
export const CMB_MAX_REGISTRATIONS = 64;
export const CMB_MAX_PATH_BYTES = 65534;
export const CMB_MAX_VALUE_NAME_BYTES = 32766;
export const CMB_MAX_CLASS_NAME_BYTES = 2048;
export const CMB_DEFAULT_DATA_BYTES = 4096;
export const CMB_MAX_DATA_BYTES = 65536;
export const CMB_MAX_RECORD_BYTES = 229376;
export const CMB_MIN_RECEIVE_BYTES = 262144;
export const CMB_MAX_RECEIVE_BYTES = 4194304;
export const CMB_MAX_PENDED_RECEIVES = 64;
export const CMB_MIN_QUEUE_BYTES = 262144;
export const CMB_DEFAULT_QUEUE_BYTES = 4194304;
export const CMB_MAX_QUEUE_BYTES = 67108864;
export const CMB_DEFAULT_QUEUE_RECORDS = 65536;
export const CMB_MAX_QUEUE_RECORDS = 1048576;
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
/** Decisions about held operations. Layout fixed, not implemented by protocol 1.0 (see CMB_HELLO_REPLY.Capabilities). */
export const CMB_IOCTL_REPLY = 0x0022e014;
/** Replaces the rules of one registration. Layout fixed, not implemented by protocol 1.0. */
export const CMB_IOCTL_SET_RULES = 0x0022e018;
/** Bits of CMB_HELLO_REPLY.Capabilities: optional requests that this driver answers. */
export const CMB_CAPABILITY_REPLY = 0x00000001;
export const CMB_CAPABILITY_SET_RULES = 0x00000002;
export const CMB_SCOPE_DRIVER = 1;
export const CMB_SCOPE_SESSION = 2;
export const CMB_SCOPE_REGISTRATION = 3;
export const CMB_SPAN_PRESENT = 0x00000001;
/** Size < FullSize because of a limit. */
export const CMB_SPAN_TRUNCATED = 0x00000002;
/** The bytes could not be read from the memory of whoever called the registry; Size is 0. */
export const CMB_SPAN_FAULT = 0x00000004;
export const CMB_RECORD_NOTIFICATION = 1;
export const CMB_RECORD_GAP = 2;
/** Bits of CMB_RECORD.Flags. */
export const CMB_RECORD_POST = 0x00000001;
/** ExGetPreviousMode was KernelMode. */
export const CMB_RECORD_KERNEL_MODE = 0x00000002;
/** KeyPath is the configuration manager's own name of the key; otherwise it is put together from the request. */
export const CMB_RECORD_PATH_RESOLVED = 0x00000004;
export const CMB_RECORD_PATH_UNAVAILABLE = 0x00000008;
/** The pre phase was not seen, or its memory could not be had: fields that only pre knows are absent. */
export const CMB_RECORD_PRE_UNKNOWN = 0x00000010;
/** Bits of CMB_BODY_GAP.Causes. */
export const CMB_GAP_QUEUE_FULL = 0x00000001;
export const CMB_GAP_NO_MEMORY = 0x00000002;
export const CMB_GAP_CAPTURE_FAULT = 0x00000004;

// Each structure: its size, and the offset of each field.

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
  Reserved: 20,
} as const;

export const CMB_HELLO_REPLY = {
  size: 56,
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
} as const;

export const CMB_REGISTER_REQUEST = {
  size: 24,
  Header: 0,
  ClassMask: 8,
  MaxDataBytes: 16,
  AltitudeSize: 20,
  Reserved: 22,
} as const;

export const CMB_REGISTER_REPLY = {
  size: 24,
  Header: 0,
  Status: 8,
  Reserved: 12,
  Cookie: 16,
} as const;

export const CMB_UNREGISTER_REQUEST = {
  size: 16,
  Header: 0,
  Cookie: 8,
} as const;

export const CMB_UNREGISTER_REPLY = {
  size: 16,
  Header: 0,
  Status: 8,
  Reserved: 12,
} as const;

export const CMB_STATISTICS_REQUEST = {
  size: 24,
  Header: 0,
  Scope: 8,
  Reserved: 12,
  Cookie: 16,
} as const;

export const CMB_STATISTICS_REPLY = {
  size: 168,
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
  PathFailures: 80,
  CaptureFaults: 88,
  LastSequence: 96,
  QueueBytes: 104,
  QueueBytesPeak: 112,
  QueueBytesLimit: 120,
  QueueRecords: 128,
  QueueRecordsPeak: 136,
  QueueRecordsLimit: 144,
  PoolBlocks: 152,
  PoolBytes: 160,
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

export const CMB_SPAN = {
  size: 16,
  Offset: 0,
  Size: 4,
  FullSize: 8,
  Flags: 12,
} as const;

export const CMB_RECORD = {
  size: 80,
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
} as const;

export const CMB_BODY_CREATE = {
  size: 64,
  RequestedName: 0,
  ClassName: 16,
  DesiredAccess: 32,
  GrantedAccess: 36,
  Options: 40,
  Disposition: 44,
  Attributes: 48,
  Wow64Flags: 52,
  CheckAccessMode: 56,
  StructureVersion: 60,
} as const;

export const CMB_BODY_SET_VALUE = {
  size: 40,
  ValueName: 0,
  Data: 16,
  Type: 32,
  TitleIndex: 36,
} as const;

export const CMB_BODY_DELETE_VALUE = {
  size: 16,
  ValueName: 0,
} as const;

export const CMB_BODY_RENAME = {
  size: 16,
  NewName: 0,
} as const;

export const CMB_BODY_GAP = {
  size: 32,
  Count: 0,
  FirstSequence: 8,
  LastSequence: 16,
  Causes: 24,
  Reserved: 28,
} as const;

export const CMB_REPLY_REQUEST = {
  size: 16,
  Header: 0,
  Count: 8,
  Reserved: 12,
} as const;

export const CMB_REPLY_ENTRY = {
  size: 40,
  Size: 0,
  Decision: 4,
  Flags: 6,
  Sequence: 8,
  Status: 16,
  Type: 20,
  Data: 24,
} as const;

export const CMB_SET_RULES_REQUEST = {
  size: 24,
  Header: 0,
  Cookie: 8,
  ProgramSize: 16,
  ProgramVersion: 20,
} as const;
