// SPDX-License-Identifier: MIT
//
// Key objects, and the object routines that a driver calls on them. Objects of other types go on to Wine.

#include "kernel.h"

// Wine keeps a reference count and the type before each of its objects; so the word before an object tells whose it is.
typedef struct OBJECT_HEADER {
    volatile LONG64 References;
    const VOID *Type;
} OBJECT_HEADER;

static const char KeyType[] = "Key";

volatile LONG CmkKeyObjects;

static OBJECT_HEADER *HeaderOf(PVOID Object) {
    return (OBJECT_HEADER *)Object - 1;
}

static BOOLEAN IsKeyObject(PVOID Object) {
    return HeaderOf(Object)->Type == KeyType;
}

NTSTATUS CmPortCreateKeyObject(SIZE_T Size, PVOID *Object) {
    OBJECT_HEADER *header = ExAllocatePoolWithTag(NonPagedPool, sizeof *header + Size, CMK_TAG);

    if (!header) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    RtlZeroMemory(header, sizeof *header + Size);
    header->References = 1;
    header->Type = KeyType;
    InterlockedIncrement(&CmkKeyObjects);
    *Object = header + 1;
    return STATUS_SUCCESS;
}

VOID CmPortReferenceObject(PVOID Object) {
    InterlockedIncrement64(&HeaderOf(Object)->References);
}

VOID CmPortDereferenceObject(PVOID Object) {
    OBJECT_HEADER *header = HeaderOf(Object);
    LONG64 left = InterlockedDecrement64(&header->References);

    if (left < 0) {
        DbgPrint("cmkernel: key object %p has lost a reference that it did not have\n", Object);
        KeBugCheckEx(0x18, (ULONG_PTR)Object, (ULONG_PTR)left, 0, 0);
    }
    if (left == 0) {
        CmDeleteKeyObject(Object);
        header->Type = NULL;
        ExFreePoolWithTag(header, CMK_TAG);
        InterlockedDecrement(&CmkKeyObjects);
    }
}

LONG_PTR CmkObfReferenceObject(PVOID Object) {
    if (IsKeyObject(Object)) {
        CmPortReferenceObject(Object);
        return (LONG_PTR)HeaderOf(Object)->References;
    }
    return ObfReferenceObject(Object);
}

LONG_PTR CmkObfDereferenceObject(PVOID Object) {
    if (IsKeyObject(Object)) {
        CmPortDereferenceObject(Object);
        return 0;
    }
    return ObfDereferenceObject(Object);
}
