// SPDX-License-Identifier: MIT

#include "test/bench/native/event_delivery.h"

#include <vector>

#include "test/bench/native/event_fields.h"

namespace cmbridge::bench {
namespace {

// Such a queue has to be bounded. The bound of the thread-safe function itself would wake the reader after every event.
constexpr size_t kMaxQueued = 4096;

using Processes = std::unordered_map<uint64_t, Napi::ObjectReference>;

// Sets properties by name, as node-addon-api's Object::Set does.
class ObjectWriter {
  public:
    ObjectWriter(Napi::Env env, Processes &processes) : env_(env), processes_(processes) {
        napi_value object;
        napi_create_object(env, &object);
        objects_.push_back(object);
    }

    napi_value object() const { return objects_.front(); }

    void null(const char *name) {
        napi_value value;
        napi_get_null(env_, &value);
        set(name, value);
    }
    void boolean(const char *name, bool content) {
        napi_value value;
        napi_get_boolean(env_, content, &value);
        set(name, value);
    }
    void number(const char *name, uint32_t content) {
        napi_value value;
        napi_create_uint32(env_, content, &value);
        set(name, value);
    }
    void big(const char *name, uint64_t content) {
        napi_value value;
        napi_create_bigint_uint64(env_, content, &value);
        set(name, value);
    }
    void big(const char *name, int64_t content) {
        napi_value value;
        napi_create_bigint_int64(env_, content, &value);
        set(name, value);
    }
    void ascii(const char *name, std::string_view content) {
        napi_value value;
        napi_create_string_latin1(env_, content.data(), content.size(), &value);
        set(name, value);
    }
    void text(const char *name, std::u16string_view content) {
        napi_value value;
        napi_create_string_utf16(env_, content.data(), content.size(), &value);
        set(name, value);
    }
    void bytes(const char *name, std::span<const std::byte> content) {
        Napi::Uint8Array array = Napi::Uint8Array::New(env_, content.size());
        std::memcpy(array.Data(), content.data(), content.size());
        set(name, array);
    }
    void emptyArray(const char *name) {
        napi_value value;
        napi_create_array(env_, &value);
        set(name, value);
    }
    void beginObject(const char *name) {
        napi_value value;
        napi_create_object(env_, &value);
        set(name, value);
        objects_.push_back(value);
    }
    void endObject() { objects_.pop_back(); }
    // One object per process, as the events of lib/ share one.
    void process(const char *name, const Process &process) {
        Napi::ObjectReference &kept = processes_[process.startKey];
        if (kept.IsEmpty()) {
            ObjectWriter writer(env_, processes_);
            writeProcess(writer, process);
            kept = Napi::Persistent(Napi::Object(env_, writer.object()));
        }
        set(name, kept.Value());
    }

  private:
    void set(const char *name, napi_value value) { napi_set_named_property(env_, objects_.back(), name, value); }

    Napi::Env env_;
    Processes &processes_;
    std::vector<napi_value> objects_;
};

} // namespace

std::shared_ptr<EventDelivery> EventDelivery::create(Napi::Env env, Channel &channel, Napi::Function onEvent) {
    std::shared_ptr<EventDelivery> delivery(new EventDelivery(channel));
    // The function holds its context until the last call that was queued is through.
    auto *held = new std::shared_ptr<EventDelivery>(delivery);
    delivery->function_ = Function::New(
        env, onEvent, Napi::Object(), "cmbridge-bench:event", 0, 1, delivery.get(),
        [](Napi::Env, std::shared_ptr<EventDelivery> *held, EventDelivery *) {
            (*held)->processes_.clear();
            delete held;
        },
        held);
    return delivery;
}

void EventDelivery::batchReady() {
    channel_.takeBatch([this](std::span<const std::byte> batch) {
        forEachRecord(batch, [this](const CMB_RECORD *record) {
            auto copy = std::make_unique_for_overwrite<std::byte[]>(record->Size);
            std::memcpy(copy.get(), record, record->Size);
            if (queued_.load() >= kMaxQueued) {
                waitForRoom();
            }
            queued_++;
            if (function_.NonBlockingCall(copy.get()) == napi_ok) {
                copy.release();
            }
        });
    });
    channel_.acknowledge();
}

void EventDelivery::waitForRoom() {
    std::unique_lock guard(lock_);
    room_.wait(guard, [this] { return released_ || queued_.load() <= kMaxQueued / 2; });
}

void EventDelivery::taken() {
    if (--queued_ == kMaxQueued / 2) {
        std::lock_guard guard(lock_);
        room_.notify_one();
    }
}

void EventDelivery::release() {
    {
        std::lock_guard guard(lock_);
        released_ = true;
        room_.notify_one();
    }
    function_.Abort();
}

void EventDelivery::callJavaScript(Napi::Env env, Napi::Function onEvent, EventDelivery *delivery, std::byte *record) {
    Record held(record);
    delivery->taken();
    if (static_cast<napi_env>(env) != nullptr) {
        delivery->deliver(env, onEvent, reinterpret_cast<const CMB_RECORD *>(record));
    }
}

void EventDelivery::deliver(Napi::Env env, Napi::Function onEvent, const CMB_RECORD *record) {
    if (record->Kind == CMB_RECORD_PROCESS) {
        state_.learnProcess(record);
        return;
    }
    if (record->Kind != CMB_RECORD_NOTIFICATION) {
        return;
    }
    ObjectWriter writer(env, processes_);
    writeEvent(writer, state_, record);
    onEvent.Call({writer.object()});
}

} // namespace cmbridge::bench
