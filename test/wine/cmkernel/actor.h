// SPDX-License-Identifier: MIT
//
// What regactor.exe and cmkernel.sys say to each other. Every open handle of \\.\CmKernel is one thread of the calling
// process.

#ifndef CMKERNEL_ACTOR_H
#define CMKERNEL_ACTOR_H

#define CMK_DEVICE_NAME L"\\Device\\CmKernel"
#define CMK_LINK_NAME L"\\??\\CmKernel"
#define CMK_WIN32_NAME L"\\\\.\\CmKernel"

// CTL_CODE(FILE_DEVICE_UNKNOWN, 0x900 + n, METHOD_BUFFERED, FILE_ANY_ACCESS)
// CMK_REQUEST and its strings and data -> CMK_REPLY and data. Pends while the operation runs.
#define CMK_IOCTL_OPERATION 0x00222400
// Nothing -> CMK_DIAGNOSTICS.
#define CMK_IOCTL_DIAGNOSTICS 0x00222404

// No request and no reply is larger.
#define CMK_MAX_MESSAGE 0x00200000

enum CMK_OPERATION {
    CmkOpCreateKey = 1,
    CmkOpOpenKey,
    CmkOpCloseKey,
    CmkOpSetValue,
    CmkOpDeleteValue,
    CmkOpDeleteKey,
    CmkOpRenameKey,
    CmkOpFlushKey,
    CmkOpSetInformation,
    CmkOpQueryKey,
    CmkOpQueryValue,
    CmkOpEnumerateKey,
    CmkOpEnumerateValue,
    CmkOpQueryMultipleValues,
    CmkOpQueryObjectName,
    CmkOpInject,
    CmkOpDuplicateHandle,
    CmkOpQuerySecurity,
    CmkOpSetSecurity,
    CmkOpLoadKey,
    CmkOpUnloadKey,
    CmkOpSaveKey,
    CmkOpSaveMergedKeys,
    CmkOpRestoreKey,
    CmkOpReplaceKey,
    CmkOpCreateTransaction,
    CmkOpCommitTransaction,
    CmkOpRollbackTransaction,
};

// Bits of CMK_REQUEST.Flags.
#define CMK_HAS_CLASS 0x00000001

typedef struct CMK_REQUEST {
    unsigned int Size; // the whole message
    unsigned int Operation;
    unsigned long long Handle; // of the key or transaction, or of the root for create, open, load and unload
    unsigned long long Other;  // the transaction of create and open, the lower key of save merged
    unsigned long long File;   // of save, save merged and restore: regactor opens it, no line has it
    unsigned int Access;
    unsigned int
        Options; // of create and open; the flags or the format of what works on hives; the status of a notification
    unsigned int InformationClass; // or value type, notification class, SECURITY_INFORMATION
    unsigned int Index;
    unsigned int Length;     // of the caller's buffer, for queries
    unsigned int Attributes; // OBJ_*
    unsigned int Flags;
    // These three follow the structure in this order, without gaps or terminators. Names of a multiple query are
    // separated by NUL. A file has the place of the name, after a name that of the class; the two files of replace have
    // both. A security descriptor is data.
    unsigned int NameSize;
    unsigned int ClassSize;
    unsigned int DataSize;
} CMK_REQUEST;

typedef struct CMK_REPLY {
    unsigned int Size; // the whole message
    int Status;
    unsigned long long Handle;
    unsigned int Disposition;
    unsigned int ResultLength;
    unsigned int DataSize; // follows the structure
    unsigned int Reserved;
} CMK_REPLY;

// What is alive now. All but the first three and the last are 0 when every program and the driver are gone.
typedef struct CMK_DIAGNOSTICS {
    unsigned int Size;
    unsigned int Devices; // of the driver
    unsigned int Actors;  // open handles of \\.\CmKernel, this one included
    unsigned int Registrations;
    unsigned int KeyObjects;
    unsigned int ObjectContexts;
    unsigned int KeyNames;
    unsigned int Operations;
    unsigned int Handles;
    unsigned int KernelHandles;
    unsigned int Processes; // objects
    unsigned int Tokens;
    unsigned int Files;
    unsigned int Transactions;
    unsigned long long PoolBlocks; // of the driver
    unsigned long long PoolBytes;
    unsigned long long PoolAllocations; // since start: shows that the driver's pool is the one that is counted
    unsigned long long Notifications;   // since start
} CMK_DIAGNOSTICS;

#endif
