// SPDX-License-Identifier: MIT
//
// Objects of this module: memory with a reference count and a type before it.

#include "kernel.h"

// Wine keeps a reference count and the type before each of its objects; so the word before an object tells whose it is.
typedef struct OBJECT_HEADER {
    volatile LONG64 References;
    CMK_TYPE *Type;
} OBJECT_HEADER;

CMK_TYPE CmkKeyType = {.Delete = CmDeleteKeyObject};

static CMK_TYPE *const Types[] = {&CmkKeyType, &CmkProcessType, &CmkTokenType, &CmkFileType, &CmkTransactionType};

static OBJECT_HEADER *HeaderOf(PVOID Object) {
    return (OBJECT_HEADER *)Object - 1;
}

CMK_TYPE *CmkTypeOf(PVOID Object) {
    for (ULONG index = 0; index < RTL_NUMBER_OF(Types); ++index) {
        if (HeaderOf(Object)->Type == Types[index]) {
            return Types[index];
        }
    }
    return NULL;
}

PVOID CmkCreateObject(CMK_TYPE *Type, SIZE_T Size) {
    OBJECT_HEADER *header = ExAllocatePoolWithTag(NonPagedPool, sizeof *header + Size, CMK_TAG);

    if (!header) {
        return NULL;
    }
    RtlZeroMemory(header, sizeof *header + Size);
    header->References = 1;
    header->Type = Type;
    InterlockedIncrement(&Type->Live);
    return header + 1;
}

NTSTATUS CmPortCreateKeyObject(SIZE_T Size, PVOID *Object) {
    *Object = CmkCreateObject(&CmkKeyType, Size);
    return *Object ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

VOID CmPortReferenceObject(PVOID Object) {
    InterlockedIncrement64(&HeaderOf(Object)->References);
}

VOID CmPortDereferenceObject(PVOID Object) {
    OBJECT_HEADER *header = HeaderOf(Object);
    CMK_TYPE *type = header->Type;
    LONG64 left = InterlockedDecrement64(&header->References);

    if (left < 0) {
        DbgPrint("cmkernel: object %p has lost a reference that it did not have\n", Object);
        KeBugCheckEx(0x18, (ULONG_PTR)Object, (ULONG_PTR)left, 0, 0);
    }
    if (left == 0) {
        type->Delete(Object);
        header->Type = NULL;
        ExFreePoolWithTag(header, CMK_TAG);
        InterlockedDecrement(&type->Live);
    }
}

LONG_PTR CmkObfReferenceObject(PVOID Object) {
    if (CmkTypeOf(Object)) {
        CmPortReferenceObject(Object);
        return (LONG_PTR)HeaderOf(Object)->References;
    }
    return ObfReferenceObject(Object);
}

LONG_PTR CmkObfDereferenceObject(PVOID Object) {
    if (CmkTypeOf(Object)) {
        CmPortDereferenceObject(Object);
        return 0;
    }
    return ObfDereferenceObject(Object);
}
