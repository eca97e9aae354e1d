// SPDX-License-Identifier: MIT

#include "test/driver/decide/decision_fixture.h"

namespace cmbridge::test {

static PDRIVER_OBJECT deciderDriver;

static NTSTATUS deciderEntry(PDRIVER_OBJECT driver, PUNICODE_STRING) {
    driver->DriverUnload = [](PDRIVER_OBJECT) {};
    deciderDriver = driver;
    return STATUS_SUCCESS;
}

Decider::Decider(std::u16string_view altitude, ULONG number, Wish wish, size_t times, ULONG maxData)
    : number_(number), wish_(std::move(wish)), times_(times), maxData_(maxData),
      service_(u"decider" + std::u16string(altitude)) {
    std::u16string text(altitude);
    UNICODE_STRING string = unicode(text);
    EXPECT_EQ(simulator::Machine::shared()->loadDriver(service_, deciderEntry), STATUS_SUCCESS);
    EXPECT_EQ(CmRegisterCallbackEx(notify, &string, deciderDriver, this, &cookie_, nullptr), STATUS_SUCCESS);
}

Decider::~Decider() {
    EXPECT_EQ(CmUnRegisterCallback(cookie_), STATUS_SUCCESS);
    EXPECT_EQ(simulator::Machine::shared()->unloadDriver(service_), STATUS_SUCCESS);
}

DECISION_RESULT Decider::result() const {
    EXPECT_EQ(outcomes_.size(), 1u);
    if (outcomes_.empty()) {
        return {};
    }
    EXPECT_EQ(outcomes_[0].check, static_cast<UINT32>(CMB_REPLY_ACCEPTED));
    return outcomes_[0].result;
}

NTSTATUS Decider::notify(PVOID context, PVOID notifyClass, PVOID information) {
    return static_cast<Decider *>(context)->decide(static_cast<ULONG>(reinterpret_cast<ULONG_PTR>(notifyClass)),
                                                   information);
}

NTSTATUS Decider::decide(ULONG number, PVOID information) {
    const NOTIFY_CLASS *notifyClass = NotifyClassGet(number);
    const bool post = notifyClass->Phase == NotifyPhasePost;
    if ((number != number_ && notifyClass->Partner != number_) || notifyClass->Phase == NotifyPhaseNone ||
        times_ == 0) {
        return STATUS_SUCCESS;
    }
    if (!post) {
        FactsRead(&call_.Facts, notifyClass, static_cast<const NOTIFY_PRE *>(information), TRUE, maxData_);
    }
    if (number != number_) {
        return STATUS_SUCCESS;
    }
    --times_;
    if (before_) {
        before_();
    }
    auto *operation = post ? static_cast<REG_POST_OPERATION_INFORMATION *>(information) : nullptr;
    PVOID pre = post ? operation->PreInformation : information;
    DECISION decision = wish_.decision();
    Outcome outcome{};
    DecisionDescribe(&outcome.subject, notifyClass, number, static_cast<const NOTIFY_PRE *>(pre), operation, &call_);
    outcome.check = DecisionCheck(&decision, &outcome.subject);
    if (outcome.check == CMB_REPLY_ACCEPTED && post) {
        DecisionCarryPost(&decision, &cookie_, &outcome.subject, operation, &outcome.result);
    } else if (outcome.check == CMB_REPLY_ACCEPTED) {
        DecisionCarryPre(&decision, &cookie_, &outcome.subject, pre, &outcome.result);
    }
    if (after_) {
        after_(information);
    }
    FactsFree(&call_.Facts);
    outcomes_.push_back(outcome);
    return outcome.result.Return;
}

std::optional<std::pair<ULONG, Bytes>> DecisionTest::value(HANDLE key, std::u16string name) {
    std::optional<std::pair<ULONG, Bytes>> found;
    actor().run([&] {
        alignas(8) std::array<std::byte, 8192> buffer;
        UNICODE_STRING string = unicode(name);
        ULONG size = 0;
        const NTSTATUS status =
            NtQueryValueKey(key, &string, KeyValuePartialInformation, buffer.data(), sizeof(buffer), &size);
        if (status == STATUS_OBJECT_NAME_NOT_FOUND) {
            return;
        }
        EXPECT_EQ(status, STATUS_SUCCESS);
        auto *information = reinterpret_cast<KEY_VALUE_PARTIAL_INFORMATION *>(buffer.data());
        auto *data = reinterpret_cast<std::byte *>(information->Data);
        found.emplace(information->Type, Bytes(data, data + information->DataLength));
    });
    return found;
}

void DecisionTest::expectValue(std::u16string name, ULONG type, const Bytes &data) {
    auto found = value(key(), std::move(name));
    ASSERT_TRUE(found.has_value());
    EXPECT_EQ(found->first, type);
    EXPECT_EQ(found->second, data);
}

void DecisionTest::expectNoValue(std::u16string name) {
    EXPECT_FALSE(value(key(), std::move(name)).has_value());
}

NTSTATUS DecisionTest::trySet(std::u16string name, ULONG type, Bytes data) {
    NTSTATUS status = STATUS_SUCCESS;
    actor().run([&] {
        UNICODE_STRING string = unicode(name);
        status = NtSetValueKey(key(), &string, 0, type, data.data(), static_cast<ULONG>(data.size()));
    });
    return status;
}

NTSTATUS DecisionTest::tryDelete(std::u16string name) {
    NTSTATUS status = STATUS_SUCCESS;
    actor().run([&] {
        UNICODE_STRING string = unicode(name);
        status = NtDeleteValueKey(key(), &string);
    });
    return status;
}

bool DecisionTest::exists(std::u16string path) {
    bool found = false;
    actor().run([&] {
        UNICODE_STRING name = unicode(path);
        OBJECT_ATTRIBUTES object = attributes(name);
        HANDLE handle = nullptr;
        const NTSTATUS status = NtOpenKey(&handle, KEY_READ, &object);
        found = status != STATUS_OBJECT_NAME_NOT_FOUND;
        if (NT_SUCCESS(status)) {
            EXPECT_EQ(NtClose(handle), STATUS_SUCCESS);
        }
    });
    return found;
}

unsigned DecisionTest::failEach(const std::function<void()> &operation) {
    unsigned runs = 0;
    for (unsigned nth = 1;; ++nth, ++runs) {
        const uint64_t failed = machine().failedAllocations();
        machine().failAllocation(nth);
        operation();
        machine().failAllocation(0);
        if (machine().failedAllocations() == failed) {
            break;
        }
    }
    return runs;
}

} // namespace cmbridge::test
