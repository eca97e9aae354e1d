// SPDX-License-Identifier: MIT
//
// Sets a thread's previous mode and IRQL for one call, and puts them back.

#include "native/simulator_channel/caller.h"

#include <ntifs.h>

#include "nt/ob_internal.h"

namespace cmbridge {

AsCaller::AsCaller(const Caller &caller) : caller_(caller) {
    if (caller_.kernelMode) {
        formerMode_ = SimSetPreviousMode(KernelMode);
    }
    formerIrql_ = KfRaiseIrql(caller_.irql);
}

AsCaller::~AsCaller() {
    KeLowerIrql(formerIrql_);
    if (caller_.kernelMode) {
        SimSetPreviousMode(formerMode_);
    }
}

} // namespace cmbridge
