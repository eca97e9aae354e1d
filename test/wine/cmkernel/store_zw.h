// SPDX-License-Identifier: MIT
//
// What the parts of the store share: a node is one of Wine's own key handles.

#ifndef CMKERNEL_STORE_ZW_H
#define CMKERNEL_STORE_ZW_H

#include "kernel.h"

struct _CM_NODE {
    HANDLE Key; // NULL once its hive is unloaded
    BOOLEAN Volatile;
    BOOLEAN Link;
};

VOID CmkNameAttributes(POBJECT_ATTRIBUTES Attributes, CM_NODE Parent, PCUNICODE_STRING Name);
NTSTATUS CmkOpenChild(PVOID Context, CM_NODE Parent, PCUNICODE_STRING Name, CM_NODE *Child);

// store_zw_hive.c
NTSTATUS CmkPrepareHives(CM_NODE Root);
NTSTATUS CmkOpenImage(PVOID Context, POBJECT_ATTRIBUTES SourceFile, ULONG Flags, CM_IMAGE *Image, PHANDLE File);
NTSTATUS CmkReadImage(PVOID Context, HANDLE File, CM_IMAGE *Image);
NTSTATUS CmkWriteImage(PVOID Context, CM_IMAGE Image, HANDLE File);
VOID CmkFreeImage(PVOID Context, CM_IMAGE Image);
NTSTATUS CmkMakeImage(PVOID Context, CM_NODE High, CM_NODE Low, ULONG Format, CM_IMAGE *Image);
NTSTATUS CmkLoadHive(PVOID Context, CM_NODE Parent, PCUNICODE_STRING Name, CM_IMAGE Image, CM_NODE *Root);
NTSTATUS CmkUnloadHive(PVOID Context, CM_NODE Root);
NTSTATUS CmkRestoreTree(PVOID Context, CM_NODE Node, CM_IMAGE Image, BOOLEAN Volatile);
NTSTATUS CmkCheckHiveRoot(PVOID Context, CM_NODE Node);
ULONG64 CmkHiveChanges(PVOID Context, CM_NODE Root);

#endif
