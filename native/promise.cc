// SPDX-License-Identifier: MIT
//
// Work on libuv's pool by way of Napi::AsyncWorker; settling of promises, also while Node-API refuses calls.

#include "native/promise.h"

#include <memory>
#include <utility>

namespace cmbridge {
namespace {

class PoolWorker final : public Napi::AsyncWorker {
  public:
    PoolWorker(Napi::Env env, const char *name, std::function<void()> work,
               std::function<void(std::exception_ptr)> done)
        : AsyncWorker(env, name), work_(std::move(work)), done_(std::move(done)) {}

  private:
    void Execute() override {
        try {
            work_();
        } catch (...) {
            failure_ = std::current_exception();
        }
    }

    void OnOK() override { done_(failure_); }

    std::function<void()> work_;
    std::function<void(std::exception_ptr)> done_;
    std::exception_ptr failure_;
};

} // namespace

void settle(const Napi::Promise::Deferred &deferred, const MakeValue &make) noexcept {
    try {
        Napi::Env env = deferred.Env();
        napi_value value;
        bool isMade = true;
        try {
            value = make(env);
        } catch (const Napi::Error &error) {
            value = error.Value();
            isMade = false;
        } catch (const std::exception &failure) {
            value = Napi::Error::New(env, failure.what()).Value();
            isMade = false;
        } catch (...) {
            value = Napi::Error::New(env, "the addon threw an exception of an unknown type").Value();
            isMade = false;
        }
        // Exactly one of them: a call that fails may have used the deferred up.
        if (isMade) {
            deferred.Resolve(value);
        } else {
            deferred.Reject(value);
        }
    } catch (...) {
        // The environment goes down, or there is no memory for the error.
    }
}

void runOnPool(Napi::Env env, const char *name, std::function<void()> work,
               std::function<void(std::exception_ptr)> done) {
    auto worker = std::make_unique<PoolWorker>(env, name, std::move(work), std::move(done));
    worker->Queue();
    // AsyncWorker deletes itself after completion, which comes on a later turn of the event loop.
    worker.release();
}

Napi::Promise settleOnPool(const Napi::Promise::Deferred &deferred, const char *name, std::function<void()> work,
                           MakeValue make, std::function<void()> after) {
    runOnPool(deferred.Env(), name, std::move(work),
              [deferred, make = std::move(make), after = std::move(after)](std::exception_ptr failure) {
                  settle(deferred, [&](Napi::Env env) {
                      if (failure) {
                          std::rethrow_exception(failure);
                      }
                      return make(env);
                  });
                  if (after) {
                      after();
                  }
              });
    return deferred.Promise();
}

} // namespace cmbridge
