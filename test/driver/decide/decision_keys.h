// SPDX-License-Identifier: MIT
//
// Opening and creating keys in every way, for decisions about that.

#ifndef CMBRIDGE_TEST_DRIVER_DECISION_KEYS_H
#define CMBRIDGE_TEST_DRIVER_DECISION_KEYS_H

#include "test/driver/decide/decision_fixture.h"

#include <optional>

namespace cmbridge::test {

// Of one actor; whoever does not end it rolls it back.
class Transaction {
  public:
    explicit Transaction(Actor &actor) : actor_(actor) {
        actor_.run([&] {
            EXPECT_EQ(NtCreateTransaction(&handle_, TRANSACTION_ALL_ACCESS, nullptr, nullptr, nullptr, 0, 0, 0, nullptr,
                                          nullptr),
                      STATUS_SUCCESS);
        });
    }
    ~Transaction() { actor_.close(handle_); }
    Transaction(const Transaction &) = delete;
    Transaction &operator=(const Transaction &) = delete;
    HANDLE handle() const { return handle_; }
    NTSTATUS end(bool commit) {
        NTSTATUS status = STATUS_SUCCESS;
        actor_.run(
            [&] { status = commit ? NtCommitTransaction(handle_, TRUE) : NtRollbackTransaction(handle_, TRUE); });
        return status;
    }

  private:
    Actor &actor_;
    HANDLE handle_ = nullptr;
};

// For an override that makes a failure of a success.
inline Wish deny() {
    return {.kind = CMB_DECISION_OVERRIDE, .status = STATUS_ACCESS_DENIED};
}
inline Wish denyAndUndo() {
    return {.kind = CMB_DECISION_OVERRIDE, .flags = CMB_REPLY_UNDO, .status = STATUS_ACCESS_DENIED};
}
void expectDenied(const Decider &decider);

// A kernel handle, by the thread that is in the callback: what another thread might do meanwhile.
HANDLE zwCreate(std::u16string path);

struct How {
    ACCESS_MASK access = KEY_ALL_ACCESS;
    bool create = false;
    HANDLE root = nullptr;
    ULONG options = 0;
    ULONG attributes = OBJ_CASE_INSENSITIVE;
    PSECURITY_DESCRIPTOR descriptor = nullptr;
    std::u16string className = {};
    UNICODE_STRING *rawClass = nullptr;
    HANDLE transaction = nullptr;
};

// What a caller got and found out with it. The handle is closed, unless it was to be kept.
struct Opened {
    NTSTATUS status = STATUS_SUCCESS;
    ULONG disposition = 0;
    ACCESS_MASK granted = 0;
    std::u16string name = {};
    std::u16string className = {};
    // Of writing a value.
    NTSTATUS setStatus = STATUS_SUCCESS;
};

class DecisionKeysTest : public DecisionTest {
  protected:
    Opened open(Actor &by, std::u16string path, How how);
    // The handle; EXPECTs that there is one.
    HANDLE keep(Actor &by, std::u16string path, How how);
    std::u16string nameOf(Actor &by, HANDLE key);
    // A process without administrators' rights.
    Actor &limited();
    void makeLink(std::u16string path, std::u16string target);
    // If it is there.
    void remove(std::u16string path);
    // Repeats `operation` with each allocation failing once that the driver, then the configuration manager, makes
    // while a key is opened or created by open(). Returns how many failed of the driver's.
    unsigned failWhileOpening(const std::function<void()> &operation);
    // Key objects that are live.
    static ULONG liveObjects();
    void TearDown() override {
        limited_.reset();
        DecisionTest::TearDown();
    }

  private:
    std::unique_ptr<Actor> limited_;
    // To be called with TRUE before a key is opened and with FALSE afterwards.
    std::function<void(bool)> arm_ = [](bool) {};
};

} // namespace cmbridge::test

#endif
