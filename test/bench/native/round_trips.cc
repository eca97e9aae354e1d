// SPDX-License-Identifier: MIT

#include "test/bench/native/round_trips.h"

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace cmbridge::bench {
namespace {

class RoundTrips {
  public:
    RoundTrips(Napi::Env env, size_t count, Napi::Function callback)
        : deferred_(Napi::Promise::Deferred::New(env)), samples_(count) {
        function_ = Function::New(
            env, callback, Napi::Object(), "cmbridge-bench:round-trip", 0, 1, this,
            [](Napi::Env env, RoundTrips *self, RoundTrips *) { self->finish(env); }, this);
        thread_ = std::thread(&RoundTrips::run, this);
    }

    Napi::Promise promise() const { return deferred_.Promise(); }

  private:
    static void callJavaScript(Napi::Env env, Napi::Function callback, RoundTrips *self, void *) {
        if (static_cast<napi_env>(env) != nullptr) {
            callback.Call({});
        }
        std::lock_guard guard(self->lock_);
        self->isBack_ = true;
        self->changed_.notify_one();
    }
    using Function = Napi::TypedThreadSafeFunction<RoundTrips, void, callJavaScript>;

    void run() {
        for (double &sample : samples_) {
            auto start = std::chrono::steady_clock::now();
            // It is torn down: the environment ends.
            if (function_.NonBlockingCall() != napi_ok) {
                return;
            }
            {
                std::unique_lock guard(lock_);
                changed_.wait(guard, [this] { return isBack_; });
                isBack_ = false;
            }
            sample = std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count();
        }
        function_.Release();
    }

    void finish(Napi::Env env) {
        thread_.join();
        auto result = Napi::Float64Array::New(env, samples_.size());
        std::copy(samples_.begin(), samples_.end(), result.Data());
        deferred_.Resolve(result);
        delete this;
    }

    Napi::Promise::Deferred deferred_;
    std::vector<double> samples_;
    Function function_;
    std::thread thread_;
    std::mutex lock_;
    std::condition_variable changed_;
    bool isBack_ = false; // guarded by lock_
};

} // namespace

Napi::Value roundTrips(const Napi::CallbackInfo &info) {
    // It deletes itself when the last call is through.
    auto *trips = new RoundTrips(info.Env(), info[0].As<Napi::Number>().Uint32Value(), info[1].As<Napi::Function>());
    return trips->promise();
}

} // namespace cmbridge::bench
