// SPDX-License-Identifier: MIT
//
// Brings the results of simulated threads back to the JavaScript thread: one thread-safe function per environment.

#ifndef CMBRIDGE_NATIVE_SIMULATOR_CHANNEL_RESULT_QUEUE_H
#define CMBRIDGE_NATIVE_SIMULATOR_CHANNEL_RESULT_QUEUE_H

#include <napi.h>

#include <functional>

namespace cmbridge {

class ResultQueue {
  public:
    using Settle = std::function<void(Napi::Env)>;

    explicit ResultQueue(Napi::Env env);

    // On the JavaScript thread, once before each post(): the event loop stays alive until the result was settled.
    void expect(Napi::Env env);
    // On any thread. While the environment is torn down the result is dropped.
    void post(Settle settle);

  private:
    static void callJavaScript(Napi::Env env, Napi::Function none, ResultQueue *queue, Settle *settle);
    using Function = Napi::TypedThreadSafeFunction<ResultQueue, Settle, callJavaScript>;

    Function function_;
    size_t expected_ = 0; // JavaScript thread only
};

} // namespace cmbridge

#endif
