// SPDX-License-Identifier: MIT
//
// Typed, counted objects. The header lies before the body, as in NT; the type keeps the set of its objects, for leak
// reports.

#include "se_internal.h"

#include <cstdio>
#include <cstdlib>
#include <new>

namespace nt {

constexpr ULONG_PTR kAlive = 0x4A424F, kDead = 0x64616544;

struct alignas(16) ObjectHeader {
    std::atomic<ULONG_PTR> magic;
    std::atomic<LONG_PTR> references;
    std::atomic<LONG_PTR> handles;
    POBJECT_TYPE type;
    LIST_ENTRY link; // guarded by the lock of the type
};

static ObjectHeader *header(PVOID object, const char *routine) {
    auto found = reinterpret_cast<ObjectHeader *>(static_cast<char *>(object) - sizeof(ObjectHeader));
    if (object == nullptr || found->magic.load(std::memory_order_relaxed) != kAlive) {
        bugCheck(REFERENCE_BY_POINTER, 0, reinterpret_cast<ULONG_PTR>(object), 0, 0,
                 "%s: %p is no object, or one that was deleted.", routine, object);
    }
    return found;
}

LONG_PTR addHandle(PVOID object) {
    return header(object, "Handle creation")->handles.fetch_add(1) + 1;
}
LONG_PTR removeHandle(PVOID object) {
    return header(object, "Handle close")->handles.fetch_sub(1) - 1;
}

static POBJECT_TYPE threadType, processType, tokenType, fileType, deviceType, eventType, keyType, transactionType;

void createTypes() {
    SIM_OBJECT_TYPE_INITIALIZER info = {};
    info.Name = "Thread";
    info.BodySize = sizeof(_KTHREAD);
    info.ValidAccess = THREAD_ALL_ACCESS;
    info.Mapping = {READ_CONTROL, READ_CONTROL, READ_CONTROL | SYNCHRONIZE, THREAD_ALL_ACCESS};
    info.Delete = destroyThreadBody;
    info.Waitable = TRUE;
    threadType = SimCreateObjectType(&info);
    info.Name = "Process";
    info.BodySize = sizeof(_EPROCESS);
    info.ValidAccess = PROCESS_ALL_ACCESS;
    info.Mapping = {
        READ_CONTROL | PROCESS_VM_READ | PROCESS_QUERY_INFORMATION,
        READ_CONTROL | PROCESS_VM_WRITE | PROCESS_VM_OPERATION | PROCESS_DUP_HANDLE | PROCESS_SET_INFORMATION,
        READ_CONTROL | SYNCHRONIZE | PROCESS_TERMINATE | PROCESS_QUERY_LIMITED_INFORMATION, PROCESS_ALL_ACCESS};
    info.Delete = destroyProcessBody;
    processType = SimCreateObjectType(&info);
    info.Name = "Event";
    info.BodySize = sizeof(KEVENT);
    info.ValidAccess = EVENT_ALL_ACCESS;
    info.Mapping = {READ_CONTROL | EVENT_QUERY_STATE, READ_CONTROL | EVENT_MODIFY_STATE, READ_CONTROL | SYNCHRONIZE,
                    EVENT_ALL_ACCESS};
    info.Delete = nullptr;
    eventType = SimCreateObjectType(&info);
    tokenType = SimCreateObjectType(&tokenTypeInitializer);
    transactionType = SimCreateObjectType(&transactionTypeInitializer);
    fileType = SimCreateObjectType(&fileTypeInitializer);
    deviceType = SimCreateObjectType(&deviceTypeInitializer);
}

void deleteTypes() {
    for (POBJECT_TYPE *type :
         {&transactionType, &deviceType, &fileType, &eventType, &processType, &threadType, &tokenType}) {
        SimDeleteObjectType(*type);
        *type = nullptr;
    }
}

} // namespace nt

using namespace nt;

extern "C" {

POBJECT_TYPE *PsThreadType = &threadType;
POBJECT_TYPE *PsProcessType = &processType;
POBJECT_TYPE *SeTokenObjectType = &tokenType;
POBJECT_TYPE *TmTransactionObjectType = &transactionType;
POBJECT_TYPE *IoFileObjectType = &fileType;
POBJECT_TYPE *IoDeviceObjectType = &deviceType;
POBJECT_TYPE *ExEventObjectType = &eventType;
POBJECT_TYPE *CmKeyObjectType = &keyType;

POBJECT_TYPE SimCreateObjectType(const SIM_OBJECT_TYPE_INITIALIZER *initializer) {
    auto type = new _OBJECT_TYPE;
    type->info = *initializer;
    InitializeListHead(&type->objects);
    return type;
}

VOID SimDeleteObjectType(POBJECT_TYPE type) {
    if (type->count != 0) {
        ObjectHeader *first = CONTAINING_RECORD(type->objects.Flink, ObjectHeader, link);
        bugCheck(DRIVER_VERIFIER_DETECTED_VIOLATION, 0x62, type->count, reinterpret_cast<ULONG_PTR>(first + 1), 0,
                 "%zu %s object(s) are left; the first has %zd reference(s), %zd of them by handles.", type->count,
                 type->info.Name, first->references.load(), first->handles.load());
    }
    delete type;
}

PVOID SimCreateObject(POBJECT_TYPE type) {
    void *memory = std::calloc(1, sizeof(ObjectHeader) + type->info.BodySize);
    if (memory == nullptr) {
        return nullptr;
    }
    auto created = new (memory) ObjectHeader;
    created->magic = kAlive;
    created->references = 1;
    created->handles = 0;
    created->type = type;
    PVOID object = created + 1;
    std::lock_guard lock(type->lock);
    InsertTailList(&type->objects, &created->link);
    ++type->count;
    return object;
}

LONG_PTR SimObjectReferences(PVOID object) {
    return header(object, "SimObjectReferences")->references.load();
}

LONG_PTR ObfReferenceObject(PVOID object) {
    requireIrql(DISPATCH_LEVEL, "ObReferenceObject");
    LONG_PTR count = header(object, "ObReferenceObject")->references.fetch_add(1) + 1;
    if (count <= 1) {
        bugCheck(REFERENCE_BY_POINTER, 0, reinterpret_cast<ULONG_PTR>(object), 1, static_cast<ULONG_PTR>(count),
                 "ObReferenceObject of a %s object that is being deleted.", header(object, "")->type->info.Name);
    }
    return count;
}

LONG_PTR ObfDereferenceObject(PVOID object) {
    requireIrql(DISPATCH_LEVEL, "ObDereferenceObject");
    ObjectHeader *head = header(object, "ObDereferenceObject");
    LONG_PTR count = head->references.fetch_sub(1) - 1;
    if (count > 0) {
        return count;
    }
    POBJECT_TYPE type = head->type;
    if (count < 0 || head->handles.load() != 0) {
        bugCheck(REFERENCE_BY_POINTER, 0, reinterpret_cast<ULONG_PTR>(object), 2, static_cast<ULONG_PTR>(count),
                 "A %s object was dereferenced more often than referenced.", type->info.Name);
    }
    if (type->info.Delete != nullptr) {
        requireIrql(APC_LEVEL, "The last ObDereferenceObject");
        type->info.Delete(object);
        if (head->references.load() != 0) {
            bugCheck(REFERENCE_BY_POINTER, 0, reinterpret_cast<ULONG_PTR>(object), 3, 0,
                     "A %s object was referenced again while it was deleted.", type->info.Name);
        }
    }
    {
        std::lock_guard lock(type->lock);
        RemoveEntryList(&head->link);
        --type->count;
    }
    head->magic = kDead;
    std::free(head);
    return 0;
}

NTSTATUS ObReferenceObjectByPointer(PVOID object, ACCESS_MASK, POBJECT_TYPE type, KPROCESSOR_MODE mode) {
    ObjectHeader *head = header(object, "ObReferenceObjectByPointer");
    if (head->type != type && (mode != KernelMode || type != nullptr)) {
        return STATUS_OBJECT_TYPE_MISMATCH;
    }
    ObfReferenceObject(object);
    return STATUS_SUCCESS;
}

POBJECT_TYPE ObGetObjectType(PVOID object) {
    return header(object, "ObGetObjectType")->type;
}

NTSTATUS ObQueryNameString(PVOID object, POBJECT_NAME_INFORMATION info, ULONG length, PULONG returned) {
    requireIrql(APC_LEVEL, "ObQueryNameString");
    ObjectHeader *head = header(object, "ObQueryNameString");
    if (head->type->info.QueryName != nullptr) {
        return head->type->info.QueryName(object, info, length, returned, KernelMode);
    }
    return giveName({}, info, length, returned, KernelMode);
}

} // extern "C"
