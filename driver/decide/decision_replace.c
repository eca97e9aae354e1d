// SPDX-License-Identifier: MIT

#include "decide/decision_parts.h"
#include "base/memory.h"

// The caller's own handle has the right to set values: the configuration manager has looked before it called.
_Use_decl_annotations_
NTSTATUS DecisionReplace(const DECISION *Decision, const REG_SET_VALUE_KEY_INFORMATION *Set) {
    UNICODE_STRING name;
    HANDLE key;
    NTSTATUS status = DecisionCopyString(&name, Set->ValueName);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    status = DecisionOpenObject(Set->Object, *CmKeyObjectType, KEY_SET_VALUE, &key);
    if (NT_SUCCESS(status)) {
        status = ZwSetValueKey(key, &name, Set->TitleIndex, Decision->Type, Decision->Data, Decision->DataSize);
        ZwClose(key);
    }
    MemoryFree(name.Buffer);
    return status;
}
