// SPDX-License-Identifier: MIT
//
// The version that the resources of the driver and the addon tell.
// Generated from package.json by scripts/generate-project.mjs. Do not edit.

#ifndef CMBRIDGE_NATIVE_WINDOWS_VERSION_H
#define CMBRIDGE_NATIVE_WINDOWS_VERSION_H

#define CMB_VERSION_NUMBER 0, 1, 0, 0
#define CMB_VERSION_TEXT "0.1.0"

#endif
