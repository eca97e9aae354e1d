// SPDX-License-Identifier: MIT
//
// Whose operations a registration asks nobody about.

#include "session/registration.h"
#include "verdict/process_trees.h"

_Use_decl_annotations_
BOOLEAN RegistrationIsExempt(const REGISTRATION *Registration, const IDENTITY_PROCESS *Process) {
    UINT32 members;
    if (Process->Key == Registration->OwnerKey) {
        return TRUE;
    }
    // One of whom it is not known is asked about: that costs time, where the opposite would be a hole.
    return Registration->Children && ProcessTreesFind(Registration->Children, Process->Key, &members) && members != 0;
}
