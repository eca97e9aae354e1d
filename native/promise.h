// SPDX-License-Identifier: MIT
//
// Promises for what happens on other threads, and how they are settled when it is done.
//
// The environment may be going down by then: a worker that is terminated, exits or throws. From that moment on, which
// may lie between any two calls, Node-API refuses every call that could run JavaScript: it returns
// napi_pending_exception without an exception and leaves the result unwritten. The addon is built with the C++
// exceptions of node-addon-api, which throws a Napi::Error for each refusal, so nothing goes on with a value that was
// never made. node-addon-api catches such an error, as every other exception, around every callback but environment
// cleanup hooks, and settle() catches it here.

#ifndef CMBRIDGE_NATIVE_PROMISE_H
#define CMBRIDGE_NATIVE_PROMISE_H

#include <napi.h>

#include <exception>
#include <functional>

namespace cmbridge {

// On the JavaScript thread: the value of a promise. The promise is rejected with what it throws.
using MakeValue = std::function<Napi::Value(Napi::Env)>;

// While the environment goes down the promise stays as it is, for nobody waits for it any more.
void settle(const Napi::Promise::Deferred &deferred, const MakeValue &make) noexcept;

// Work that blocks, on libuv's pool. `done` is called once on the JavaScript thread afterwards, also while the
// environment goes down, with what the work threw. If the call itself throws, neither is called.
void runOnPool(Napi::Env env, const char *name, std::function<void()> work,
               std::function<void(std::exception_ptr)> done);

// The same, to settle a promise. A caller makes it before anything is changed: it may be refused. `after` is called
// once in every case, as `done` above.
Napi::Promise settleOnPool(const Napi::Promise::Deferred &deferred, const char *name, std::function<void()> work,
                           MakeValue make, std::function<void()> after = nullptr);

} // namespace cmbridge

#endif
