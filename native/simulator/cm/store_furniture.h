// SPDX-License-Identifier: MIT
//
// What a freshly installed machine has in its registry, as tables.

#ifndef CM_STORE_FURNITURE_H
#define CM_STORE_FURNITURE_H

#include "compat.h"

typedef enum _CM_KIND { CmFrame, CmHive, CmVolatileHive, CmPlain, CmLink, CmVolatileLink } CM_KIND;

typedef struct _CM_PIECE {
    CM_KIND Kind;
    const WCHAR *Path;
} CM_PIECE;

typedef struct _CM_LINK_PIECE {
    CM_KIND Kind;
    const WCHAR *Path;
    const WCHAR *Target;
} CM_LINK_PIECE;

// A parent stands before its children.
extern const CM_PIECE CmpFurniture[];
extern const ULONG CmpFurnitureCount;
extern const CM_LINK_PIECE CmpLinks[];
extern const ULONG CmpLinkCount;
// Below the hive of each account.
extern const WCHAR *const CmpAccountKeys[];
extern const ULONG CmpAccountKeyCount;
extern const WCHAR *const CmpAccounts[];
extern const ULONG CmpAccountCount;
// Those whose class registrations are a hive of its own.
extern const WCHAR *const CmpUsers[];
extern const ULONG CmpUserCount;
// Below SOFTWARE; what the 32-bit view shares: WOW6432Node has a link in its place.
extern const WCHAR *const CmpSharedKeys[];
extern const ULONG CmpSharedKeyCount;

#endif
