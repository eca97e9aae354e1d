// SPDX-License-Identifier: MIT
//
// Posts results to the JavaScript thread. The event loop is kept alive only while some are expected.

#include "native/simulator_channel/result_queue.h"

#include <memory>
#include <utility>

namespace cmbridge {

ResultQueue::ResultQueue(Napi::Env env) : function_(Function::New(env, "cmbridge:simulator", 0, 1, this)) {
    function_.Unref(env);
}

void ResultQueue::expect(Napi::Env env) {
    if (expected_++ == 0) {
        function_.Ref(env);
    }
}

void ResultQueue::post(const Napi::Promise::Deferred &deferred, MakeValue make) {
    auto held = std::make_unique<Result>(Result{deferred, std::move(make)});
    if (function_.NonBlockingCall(held.get()) == napi_ok) {
        held.release();
    }
}

void ResultQueue::callJavaScript(Napi::Env env, Napi::Function, ResultQueue *queue, Result *result) {
    std::unique_ptr<Result> held(result);
    if (static_cast<napi_env>(env) == nullptr) {
        return;
    }
    if (--queue->expected_ == 0) {
        queue->function_.Unref(env);
    }
    settle(held->deferred, held->make);
}

} // namespace cmbridge
