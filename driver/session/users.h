// SPDX-License-Identifier: MIT
//
// Who is at work with something that must not go away meanwhile, and the wait until nobody is.

#ifndef CMBRIDGE_USERS_H
#define CMBRIDGE_USERS_H

#include "base/compat.h"

typedef struct USERS {
    _Interlocked_ volatile LONG Count;
    // Signalled when Count is 0.
    KEVENT Idle;
} USERS;

// The caller becomes the first user.
_IRQL_requires_max_(DISPATCH_LEVEL)
static inline VOID UsersInitialize(_Out_ USERS *Users) {
    Users->Count = 1;
    KeInitializeEvent(&Users->Idle, NotificationEvent, FALSE);
}

// The caller knows of a user who does not leave meanwhile.
_IRQL_requires_max_(DISPATCH_LEVEL)
static inline VOID UsersEnter(_Inout_ USERS *Users) {
    InterlockedIncrement(&Users->Count);
}

_IRQL_requires_max_(DISPATCH_LEVEL)
static inline VOID UsersLeave(_Inout_ USERS *Users) {
    if (InterlockedDecrement(&Users->Count) == 0) {
        KeSetEvent(&Users->Idle, IO_NO_INCREMENT, FALSE);
    }
}

// The caller leaves, and returns when all others have left.
_IRQL_requires_max_(PASSIVE_LEVEL)
static inline VOID UsersDrain(_Inout_ USERS *Users) {
    UsersLeave(Users);
    KeWaitForSingleObject(&Users->Idle, Executive, KernelMode, FALSE, NULL);
}

#endif
