// SPDX-License-Identifier: MIT
//
// Brings the results of simulated threads back to the JavaScript thread: one thread-safe function per environment.

#ifndef CMBRIDGE_NATIVE_SIMULATOR_CHANNEL_RESULT_QUEUE_H
#define CMBRIDGE_NATIVE_SIMULATOR_CHANNEL_RESULT_QUEUE_H

#include <napi.h>

#include "native/promise.h"

namespace cmbridge {

class ResultQueue {
  public:
    explicit ResultQueue(Napi::Env env);

    // On the JavaScript thread, once before each post(): the event loop stays alive until the result was settled.
    void expect(Napi::Env env);
    // On any thread. While the environment is torn down the result is dropped.
    void post(const Napi::Promise::Deferred &deferred, MakeValue make);

  private:
    struct Result {
        Napi::Promise::Deferred deferred;
        MakeValue make;
    };
    static void callJavaScript(Napi::Env env, Napi::Function none, ResultQueue *queue, Result *result);
    using Function = Napi::TypedThreadSafeFunction<ResultQueue, Result, callJavaScript>;

    Function function_;
    size_t expected_ = 0; // JavaScript thread only
};

} // namespace cmbridge

#endif
