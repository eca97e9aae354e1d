// SPDX-License-Identifier: MIT

#include "callback.h"
#include "memory.h"
#include "record.h"

// What post needs and only pre can know: the path of a key that may be deleted, closed or not opened by then. Hangs on
// the structure of the pre notification and comes back in that of the post, which always follows, since pre never fails
// here.
typedef struct CALL_CONTEXT {
    UINT64 PreSequence;
    ULONG PathSize;
    ULONG PathFullSize;
    // CMB_RECORD_PATH_*
    UINT32 PathFlags;
    BOOLEAN PathFault;
    UCHAR Path[ANYSIZE_ARRAY];
} CALL_CONTEXT;

static VOID PathOfCallContext(_Out_ PATH *Path, _In_ const CALL_CONTEXT *Context) {
    PathSetBytes(Path, Context->Path, Context->PathSize, Context->PathFullSize, Context->PathFlags);
    Path->Fault = Context->PathFault;
}

// Copies the path; Path refers to the copy afterwards, so that the caller's memory is read only once.
_IRQL_requires_max_(APC_LEVEL)
_Must_inspect_result_
static CALL_CONTEXT *CreateCallContext(_Inout_ PATH *Path) {
    CALL_CONTEXT *context = MemoryAllocate(FIELD_OFFSET(CALL_CONTEXT, Path) + Path->Size);
    if (!context) {
        return NULL;
    }
    // If it fails, Path is without bytes and says so in its flags.
    context->PathFault = !PathWrite(Path, context->Path) || Path->Fault;
    context->PathSize = Path->Size;
    context->PathFullSize = Path->FullSize;
    context->PathFlags = Path->Flags;
    PathRelease(Path);
    PathOfCallContext(Path, context);
    return context;
}

_IRQL_requires_max_(APC_LEVEL)
static VOID NotifyPre(_In_ REGISTRATION *Registration, _In_ const NOTIFY_CLASS *Class, _In_ ULONG Number,
                      _Inout_ VOID *Pre) {
    NOTIFICATION notification = {
        .Registration = Registration,
        .Class = Class,
        .Number = Number,
        .Pre = Pre,
    };
    CALL_CONTEXT *context = NULL;
    PathOfPre(&notification.Path, &Registration->Cookie, Class, Pre);
    if (Registration->ClassMask >> Class->Partner & 1) {
        context = CreateCallContext(&notification.Path);
    }
    if (Registration->ClassMask >> Number & 1) {
        const UINT64 sequence = RecordRelay(&notification);
        if (context) {
            context->PreSequence = sequence;
        }
    }
    if (context) {
        *(VOID **)((UCHAR *)Pre + Class->CallContext) = context;
    }
    PathRelease(&notification.Path);
}

// The key of a post notification: what was opened, else what pre found out, else the object if it is still one.
_IRQL_requires_max_(APC_LEVEL)
static VOID PathOfPost(_Out_ PATH *Path, _In_ REGISTRATION *Registration, _In_ const NOTIFY_CLASS *Class,
                       _In_ const REG_POST_OPERATION_INFORMATION *Post, _In_opt_ const CALL_CONTEXT *Context) {
    // Any other status, STATUS_REPARSE included, leaves Object undefined.
    if (Post->Status == STATUS_SUCCESS && (Class->Body == NotifyBodyCreate || (!Context && Class->PostObjectLive))) {
        PathOfObject(Path, &Registration->Cookie, Post->Object);
        if (!(Path->Flags & CMB_RECORD_PATH_UNAVAILABLE)) {
            return;
        }
    }
    if (Context) {
        PathOfCallContext(Path, Context);
    } else {
        PathSetUnavailable(Path);
    }
}

_IRQL_requires_max_(APC_LEVEL)
static VOID NotifyPost(_In_ REGISTRATION *Registration, _In_ const NOTIFY_CLASS *Class, _In_ ULONG Number,
                       _In_ const REG_POST_OPERATION_INFORMATION *Post, _In_opt_ const CALL_CONTEXT *Context) {
    NOTIFICATION notification = {
        .Registration = Registration,
        .Class = Class,
        .Number = Number,
        .Pre = Post->PreInformation,
        .Post = Post,
        .PreSequence = Context ? Context->PreSequence : 0,
        .Flags = Context ? 0 : CMB_RECORD_PRE_UNKNOWN,
    };
    PathOfPost(&notification.Path, Registration, Class, Post, Context);
    RecordRelay(&notification);
    PathRelease(&notification.Path);
}

_IRQL_requires_max_(APC_LEVEL)
static VOID NotifyOther(_In_ REGISTRATION *Registration, _In_ const NOTIFY_CLASS *Class, _In_ ULONG Number) {
    NOTIFICATION notification = {.Registration = Registration, .Class = Class, .Number = Number};
    PathSetUnavailable(&notification.Path);
    RecordRelay(&notification);
}

_Use_decl_annotations_
NTSTATUS NTAPI CallbackNotify(PVOID CallbackContext, PVOID Argument1, PVOID Argument2) {
    REGISTRATION *registration = CallbackContext;
    const ULONG_PTR number = (ULONG_PTR)Argument1;
    if (number > CMB_MAX_NOTIFY_CLASS || !(registration->IntakeMask >> number & 1)) {
        return STATUS_SUCCESS;
    }
    const NOTIFY_CLASS *class = NotifyClassGet((ULONG)number);
    const BOOLEAN relaying = ReadAcquire(&registration->Relaying) != FALSE;
    if (class->Phase == NotifyPhasePost) {
        const REG_POST_OPERATION_INFORMATION *post = Argument2;
        CALL_CONTEXT *context = post->CallContext;
        if (relaying) {
            NotifyPost(registration, class, (ULONG)number, post, context);
        }
        // Also when nothing is relayed any more: this is the last time that it is seen.
        MemoryFree(context);
    } else if (relaying && class->Phase == NotifyPhasePre) {
        NotifyPre(registration, class, (ULONG)number, Argument2);
    } else if (relaying) {
        NotifyOther(registration, class, (ULONG)number);
    }
    return STATUS_SUCCESS;
}
