// SPDX-License-Identifier: MIT
//
// A filter that decides about operations with the driver's routines, in the callbacks that the configuration manager
// makes.

#ifndef CMBRIDGE_TEST_DRIVER_DECISION_FIXTURE_H
#define CMBRIDGE_TEST_DRIVER_DECISION_FIXTURE_H

#include "test/driver/fixture/body_fixture.h"

extern "C" {
#include "driver/decide/decision.h"
#include "driver/base/memory.h"
}

namespace cmbridge::test {

// What is to be decided, with an owner for the data.
struct Wish {
    UINT16 kind = CMB_DECISION_ALLOW;
    UINT16 flags = 0;
    NTSTATUS status = 0;
    UINT32 type = 0;
    UINT32 resultLength = 0;
    Bytes data = {};

    DECISION decision() {
        return {kind,
                flags,
                status,
                type,
                resultLength,
                data.empty() ? nullptr : data.data(),
                static_cast<ULONG>(data.size())};
    }
};

inline Bytes textBytes(std::u16string_view text) {
    auto bytes = std::as_bytes(std::span(text));
    return {bytes.begin(), bytes.end()};
}
inline Wish redirectTo(std::u16string_view path) {
    return {.kind = CMB_DECISION_REDIRECT, .data = textBytes(path)};
}

// An operation with a buffer of 64 bytes, if it has one.
inline DECISION_SUBJECT subjectOf(ULONG number, NTSTATUS status = STATUS_SUCCESS) {
    DECISION_SUBJECT subject{};
    subject.Class = NotifyClassGet(number);
    subject.Number = number;
    subject.Status = status;
    subject.OutputSize = 64;
    return subject;
}

inline UINT32 check(Wish wish, const DECISION_SUBJECT &subject) {
    const DECISION decision = wish.decision();
    return DecisionCheck(&decision, &subject);
}

constexpr auto kAccepted = static_cast<UINT32>(CMB_REPLY_ACCEPTED);
constexpr auto kUnfit = static_cast<UINT32>(CMB_REPLY_UNFIT);
constexpr auto kBadStatus = static_cast<UINT32>(CMB_REPLY_BAD_STATUS);
constexpr auto kBadData = static_cast<UINT32>(CMB_REPLY_BAD_DATA);
constexpr auto kTooLarge = static_cast<UINT32>(CMB_REPLY_TOO_LARGE);

// What the driver's routines said about one notification.
struct Outcome {
    UINT32 check;
    DECISION_SUBJECT subject;
    DECISION_RESULT result;
};

class Decider {
  public:
    // Decides about the next `times` notifications of the class.
    Decider(std::u16string_view altitude, ULONG number, Wish wish, size_t times = 1, ULONG maxData = 4096);
    ~Decider();
    Decider(const Decider &) = delete;
    Decider &operator=(const Decider &) = delete;

    // Of those that were decided about so far.
    const std::vector<Outcome> &outcomes() const { return outcomes_; }
    // EXPECTs that there is one, and that it was accepted.
    DECISION_RESULT result() const;
    // Runs in the callback before the decision is carried out.
    void before(std::function<void()> routine) { before_ = std::move(routine); }
    // Runs in the callback when the decision was carried out, with the structure of the notification.
    void after(std::function<void(PVOID)> routine) { after_ = std::move(routine); }

  private:
    static NTSTATUS notify(PVOID context, PVOID notifyClass, PVOID information);
    NTSTATUS decide(ULONG number, PVOID information);

    ULONG number_;
    Wish wish_;
    size_t times_;
    ULONG maxData_;
    std::vector<Outcome> outcomes_;
    std::function<void()> before_;
    std::function<void(PVOID)> after_;
    LARGE_INTEGER cookie_{};
    CALL call_{};
    std::u16string service_;
};

class DecisionTest : public BodyTest {
  protected:
    std::u16string below(std::u16string_view name) const { return path() + u"\\" + std::u16string(name); }
    // Type and data of a value; STATUS_OBJECT_NAME_NOT_FOUND is no value.
    std::optional<std::pair<ULONG, Bytes>> value(HANDLE key, std::u16string name);
    void expectValue(std::u16string name, ULONG type, const Bytes &data);
    void expectNoValue(std::u16string name);
    // Status of writing a value.
    NTSTATUS trySet(std::u16string name, ULONG type, Bytes data);
    NTSTATUS tryDelete(std::u16string name);
    bool exists(std::u16string path);
    // Repeats `operation`, which has to leave things as they were, with each allocation of the driver failing once.
    // Returns how many failed.
    unsigned failEach(const std::function<void()> &operation);
};

} // namespace cmbridge::test

#endif
