// SPDX-License-Identifier: MIT
//
// A promise for work that blocks: it runs on libuv's pool and settles on the JavaScript thread.

#ifndef CMBRIDGE_NATIVE_PROMISE_WORKER_H
#define CMBRIDGE_NATIVE_PROMISE_WORKER_H

#include <napi.h>

#include <exception>
#include <functional>
#include <optional>
#include <utility>

namespace cmbridge {

template <typename Result> class PromiseWorker final : public Napi::AsyncWorker {
  public:
    using Work = std::function<Result()>;
    // Called exactly once, also while the environment is torn down; the result is absent if the work failed with a C++
    // exception, and then the promise is rejected already.
    using Settle = std::function<void(Napi::Env, const Napi::Promise::Deferred &, std::optional<Result> &)>;

    static Napi::Promise run(Napi::Env env, const char *name, Work work, Settle settle) {
        // AsyncWorker deletes itself after completion.
        auto *worker = new PromiseWorker(env, name, std::move(work), std::move(settle));
        Napi::Promise promise = worker->deferred_.Promise();
        worker->Queue();
        return promise;
    }

  private:
    PromiseWorker(Napi::Env env, const char *name, Work work, Settle settle)
        : AsyncWorker(env, name), deferred_(Napi::Promise::Deferred::New(env)), work_(std::move(work)),
          settle_(std::move(settle)) {}

    void Execute() override {
        try {
            result_.emplace(work_());
        } catch (const std::exception &failure) {
            SetError(failure.what());
        }
    }

    void OnOK() override { settle_(Env(), deferred_, result_); }

    void OnError(const Napi::Error &error) override {
        deferred_.Reject(error.Value());
        settle_(Env(), deferred_, result_);
    }

    Napi::Promise::Deferred deferred_;
    Work work_;
    Settle settle_;
    std::optional<Result> result_;
};

} // namespace cmbridge

#endif
