// SPDX-License-Identifier: MIT
//
// The table of device control requests, and their handlers but that of CMB_IOCTL_REPLY.

#include "device/ioctl.h"
#include "device/ioctl_request.h"
#include "rules/control_set.h"
#include "session/registration.h"
#include "session/statistics.h"

// Where a rule program starts behind an altitude.
#define PROGRAM_OFFSET(AltitudeSize) ((ULONG)ALIGN_UP_BY(sizeof(CMB_REGISTER_REQUEST) + (AltitudeSize), 8))

static IOCTL_HANDLER HandleHello;
static IOCTL_HANDLER HandleRegister;
static IOCTL_HANDLER HandleUnregister;
static IOCTL_HANDLER HandleReceive;
static IOCTL_HANDLER HandleStatistics;
static IOCTL_HANDLER HandleSetRules;

typedef struct IOCTL_ENTRY {
    ULONG Code;
    ULONG InputMin;
    ULONG InputMax;
    ULONG OutputMin;
    ULONG OutputMax;
    IOCTL_HANDLER *Handler;
} IOCTL_ENTRY;

// Whether a request is one of this protocol version: exactly as long as it says, of the one known revision, and without
// flags.
_Must_inspect_result_
static NTSTATUS CheckHeader(_In_ const CMB_HEADER *Header, _In_ ULONG InputSize) {
    if (Header->Version != CMB_STRUCTURE_VERSION) {
        return STATUS_REVISION_MISMATCH;
    }
    if (Header->Size != InputSize) {
        return STATUS_INFO_LENGTH_MISMATCH;
    }
    return Header->Flags ? STATUS_INVALID_PARAMETER : STATUS_SUCCESS;
}

// A client of another major version gets an answer that it can read, whatever else it sent.
_Use_decl_annotations_
static NTSTATUS HandleHello(IOCTL_REQUEST *Request) {
    const CMB_HELLO_REQUEST *hello = &Request->Input.Hello;
    CMB_HELLO_REPLY *reply = &Request->Output.Hello;
    ULONG major = 0;
    ULONG minor = 0;
    if (SessionGetState(Request->Session) != SessionNew) {
        return STATUS_INVALID_DEVICE_STATE;
    }
    CmGetCallbackVersion(&major, &minor);
    reply->ProtocolMajor = CMB_PROTOCOL_MAJOR;
    reply->ProtocolMinor = CMB_PROTOCOL_MINOR;
    reply->CallbackMajor = major;
    reply->CallbackMinor = minor;
    reply->Capabilities = CMB_CAPABILITY_SET_RULES | CMB_CAPABILITY_REPLY;
    reply->MaxRegistrations = CMB_MAX_REGISTRATIONS;
    reply->MaxDataBytes = CMB_MAX_DATA_BYTES;
    reply->MaxAltitudeBytes = CMB_MAX_ALTITUDE_BYTES;
    reply->MinReceiveBytes = CMB_MIN_RECEIVE_BYTES;
    reply->MaxReceiveBytes = CMB_MAX_RECEIVE_BYTES;
    reply->ProcessSlots = CMB_PROCESS_SLOTS;
    reply->PathSlots = CMB_PATH_SLOTS;
    reply->MaxRulesBytes = CMB_MAX_RULES_BYTES;
    reply->ControlSet = ControlSetGet();
    if (hello->ProtocolMajor != CMB_PROTOCOL_MAJOR) {
        reply->Status = STATUS_REVISION_MISMATCH;
        return STATUS_SUCCESS;
    }
    NTSTATUS status = CheckHeader(&hello->Header, Request->InputSize);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    if (Request->InputSize != sizeof(*hello)) {
        return STATUS_INFO_LENGTH_MISMATCH;
    }
    const ULONG bytes = hello->QueueBytes ? hello->QueueBytes : CMB_DEFAULT_QUEUE_BYTES;
    const ULONG records = hello->QueueRecords ? hello->QueueRecords : CMB_DEFAULT_QUEUE_RECORDS;
    const ULONG held = hello->MaxHeld ? hello->MaxHeld : CMB_DEFAULT_HELD;
    if (held > CMB_MAX_HELD || bytes < CMB_MIN_QUEUE_BYTES || bytes > CMB_MAX_QUEUE_BYTES ||
        records > CMB_MAX_QUEUE_RECORDS) {
        return STATUS_INVALID_PARAMETER;
    }
    status = SessionStart(Request->Session, bytes, records, held);
    reply->QueueBytes = Request->Session->Queue.ByteLimit;
    reply->QueueRecords = Request->Session->Queue.RecordLimit;
    reply->MaxHeld = Request->Session->Held.Limit;
    return status;
}

_Use_decl_annotations_
static NTSTATUS HandleRegister(IOCTL_REQUEST *Request) {
    const CMB_REGISTER_REQUEST *request = &Request->Input.Register;
    // An altitude that is too long for the input is refused below, since neither sum overflows.
    const ULONG programOffset = PROGRAM_OFFSET(request->AltitudeSize);
    const ULONG size = request->ProgramSize ? programOffset + min(request->ProgramSize, MAXLONG)
                                            : (ULONG)sizeof(*request) + request->AltitudeSize;
    if (Request->InputSize != size) {
        return STATUS_INFO_LENGTH_MISMATCH;
    }
    if (request->Reserved || request->RateLimit > CMB_MAX_RATE || request->RateBurst > CMB_MAX_RATE ||
        !request->RateLimit != !request->RateBurst ||
        request->Options &
            ~(CMB_REGISTER_OLD_VALUES | CMB_REGISTER_DRY_RUN | CMB_REGISTER_EXEMPT_CHILDREN | CMB_REGISTER_PERSIST) ||
        !request->ClassMask || request->MaxDataBytes > CMB_MAX_DATA_BYTES ||
        request->AltitudeSize > CMB_MAX_ALTITUDE_BYTES || request->AltitudeSize % sizeof(WCHAR) ||
        request->BreakerMisses > CMB_MAX_BREAKER_MISSES || request->BreakerCoolDown > CMB_MAX_BREAKER_COOL_DOWN ||
        (request->BreakerCoolDown && request->BreakerCoolDown < CMB_MIN_BREAKER_COOL_DOWN)) {
        return STATUS_INVALID_PARAMETER;
    }
    UNICODE_STRING altitude = {
        .Length = request->AltitudeSize,
        .MaximumLength = request->AltitudeSize,
        .Buffer = (WCHAR *)(VOID *)(Request->Buffer + sizeof(*request)),
    };
    if (!RegistrationIsAltitude(altitude.Buffer, altitude.Length / sizeof(WCHAR))) {
        return STATUS_INVALID_PARAMETER;
    }
    return RegistrationCreate(Request->Session, request, &altitude, Request->Buffer + programOffset,
                              &Request->Output.Register);
}

_Use_decl_annotations_
static NTSTATUS HandleUnregister(IOCTL_REQUEST *Request) {
    RegistrationRemove(Request->Session, Request->Input.Unregister.Cookie, &Request->Output.Unregister);
    return STATUS_SUCCESS;
}

_Use_decl_annotations_
static NTSTATUS HandleReceive(IOCTL_REQUEST *Request) {
    return ReceiverPend(&Request->Session->Receiver, Request->Irp);
}

_Use_decl_annotations_
static NTSTATUS HandleStatistics(IOCTL_REQUEST *Request) {
    const CMB_STATISTICS_REQUEST *request = &Request->Input.Statistics;
    if (request->Reserved || (request->Scope != CMB_SCOPE_REGISTRATION && request->Cookie)) {
        return STATUS_INVALID_PARAMETER;
    }
    return StatisticsQuery(Request->Session, request->Scope, request->Cookie, &Request->Output.Statistics);
}

// The program is copied before it is looked at.
_Use_decl_annotations_
static NTSTATUS HandleSetRules(IOCTL_REQUEST *Request) {
    const CMB_SET_RULES_REQUEST *request = &Request->Input.SetRules;
    if (Request->InputSize != sizeof(*request) + min(request->ProgramSize, MAXLONG)) {
        return STATUS_INFO_LENGTH_MISMATCH;
    }
    if (request->Reserved) {
        return STATUS_INVALID_PARAMETER;
    }
    return RegistrationSetRules(Request->Session, request->Cookie, Request->Buffer + sizeof(*request),
                                request->ProgramSize, &Request->Output.SetRules);
}

// HELLO has no upper limit because clients of other versions must be answered, too.
static const IOCTL_ENTRY IoctlTable[] = {
    {CMB_IOCTL_HELLO, sizeof(CMB_HELLO_REQUEST), MAXULONG, sizeof(CMB_HELLO_REPLY), MAXULONG, HandleHello},
    {CMB_IOCTL_REGISTER, sizeof(CMB_REGISTER_REQUEST), PROGRAM_OFFSET(CMB_MAX_ALTITUDE_BYTES) + CMB_MAX_RULES_BYTES,
     sizeof(CMB_REGISTER_REPLY), MAXULONG, HandleRegister},
    {CMB_IOCTL_UNREGISTER, sizeof(CMB_UNREGISTER_REQUEST), sizeof(CMB_UNREGISTER_REQUEST), sizeof(CMB_UNREGISTER_REPLY),
     MAXULONG, HandleUnregister},
    {CMB_IOCTL_RECEIVE, 0, 0, CMB_MIN_RECEIVE_BYTES, CMB_MAX_RECEIVE_BYTES, HandleReceive},
    {CMB_IOCTL_STATISTICS, sizeof(CMB_STATISTICS_REQUEST), sizeof(CMB_STATISTICS_REQUEST), sizeof(CMB_STATISTICS_REPLY),
     MAXULONG, HandleStatistics},
    {CMB_IOCTL_REPLY, sizeof(CMB_REPLY_REQUEST), CMB_MAX_REPLY_BYTES, sizeof(CMB_REPLY_REPLY), MAXULONG,
     IoctlHandleReply},
    {CMB_IOCTL_SET_RULES, sizeof(CMB_SET_RULES_REQUEST), sizeof(CMB_SET_RULES_REQUEST) + CMB_MAX_RULES_BYTES,
     sizeof(CMB_SET_RULES_REPLY), MAXULONG, HandleSetRules},
};

static const IOCTL_ENTRY *FindIoctl(_In_ ULONG Code) {
    for (ULONG i = 0; i < RTL_NUMBER_OF(IoctlTable); ++i) {
        if (IoctlTable[i].Code == Code) {
            return &IoctlTable[i];
        }
    }
    return NULL;
}

_IRQL_requires_max_(PASSIVE_LEVEL)
_Must_inspect_result_
static NTSTATUS HandleRequest(_Inout_ IOCTL_REQUEST *Request, _In_ ULONG Code) {
    const IOCTL_ENTRY *entry = FindIoctl(Code);
    if (!entry) {
        return STATUS_INVALID_DEVICE_REQUEST;
    }
    if (Code != CMB_IOCTL_HELLO) {
        switch (SessionGetState(Request->Session)) {
        case SessionReady:
            break;
        case SessionStopped:
            return STATUS_FILE_CLOSED;
        default:
            return STATUS_INVALID_DEVICE_STATE;
        }
    }
    if (Request->InputSize < entry->InputMin || Request->InputSize > entry->InputMax) {
        return STATUS_INFO_LENGTH_MISMATCH;
    }
    if (Request->OutputSize < entry->OutputMin) {
        return STATUS_BUFFER_TOO_SMALL;
    }
    if (Request->OutputSize > entry->OutputMax) {
        return STATUS_INVALID_BUFFER_SIZE;
    }
    RtlCopyMemory(&Request->Input, Request->Buffer, entry->InputMin);
    if (entry->InputMin && Code != CMB_IOCTL_HELLO) {
        const NTSTATUS malformed = CheckHeader(&Request->Input.Header, Request->InputSize);
        if (!NT_SUCCESS(malformed)) {
            return malformed;
        }
    }
    Request->ReplySize = entry->OutputMin;
    Request->Output.Header = (CMB_HEADER){.Size = entry->OutputMin, .Version = CMB_STRUCTURE_VERSION};
    const NTSTATUS status = entry->Handler(Request);
    if (status == STATUS_SUCCESS) {
        RtlCopyMemory(Request->Buffer, &Request->Output, entry->OutputMin);
        RtlZeroMemory(Request->Buffer + Request->ReplySize, Request->OutputSize - Request->ReplySize);
    }
    return status;
}

_Use_decl_annotations_
NTSTATUS IoctlDispatch(SESSION *Session, IRP *Irp) {
    const IO_STACK_LOCATION *stack = IoGetCurrentIrpStackLocation(Irp);
    IOCTL_REQUEST request = {
        .Session = Session,
        .Irp = Irp,
        .Buffer = Irp->AssociatedIrp.SystemBuffer,
        .InputSize = stack->Parameters.DeviceIoControl.InputBufferLength,
        .OutputSize = stack->Parameters.DeviceIoControl.OutputBufferLength,
    };
    // SessionFree comes when no request is on its way to here any more.
    (VOID) NT_VERIFY(ExAcquireRundownProtection(&Session->Users));
    const NTSTATUS status = HandleRequest(&request, stack->Parameters.DeviceIoControl.IoControlCode);
    if (status != STATUS_PENDING) {
        Irp->IoStatus.Status = status;
        Irp->IoStatus.Information = NT_SUCCESS(status) ? request.ReplySize : 0;
        IoCompleteRequest(Irp, IO_NO_INCREMENT);
    }
    ExReleaseRundownProtection(&Session->Users);
    return status;
}
