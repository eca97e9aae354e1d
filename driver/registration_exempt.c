// SPDX-License-Identifier: MIT
//
// Whose operations a registration asks nobody about.

#include "registration.h"

_Use_decl_annotations_
BOOLEAN RegistrationIsExempt(const REGISTRATION *Registration, const IDENTITY_PROCESS *Process) {
    return Process->Key == Registration->OwnerKey;
}
