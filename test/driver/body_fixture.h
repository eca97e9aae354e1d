// SPDX-License-Identifier: MIT
//
// Notifications with structures that a test makes up: what no operation of the simulator produces, and what a hostile
// caller could.

#ifndef CMBRIDGE_TEST_DRIVER_BODY_FIXTURE_H
#define CMBRIDGE_TEST_DRIVER_BODY_FIXTURE_H

#include "fixture.h"

#include <array>

#include "nt/ob_internal.h"

namespace cmbridge::test {

constexpr UINT32 kFault = CMB_SPAN_PRESENT | CMB_SPAN_FAULT;

// Memory of a user-mode caller that can vanish. Filled with a pattern that is not zero.
template <size_t Size> class UserMemory {
  public:
    UserMemory() {
        bytes_.fill(std::byte{0xAA});
        SimRegisterUserRange(bytes_.data(), Size);
    }
    ~UserMemory() { SimUnregisterUserRange(bytes_.data()); }
    UserMemory(const UserMemory &) = delete;
    UserMemory &operator=(const UserMemory &) = delete;

    template <typename T = void> T *at(size_t offset = 0) { return reinterpret_cast<T *>(bytes_.data() + offset); }
    void vanish() { SimSetUserRangeAccess(bytes_.data(), FALSE, FALSE); }
    // Runs before each access.
    void watch(std::function<void()> routine) {
        watch_ = std::move(routine);
        SimWatchUserRange(
            bytes_.data(), [](PVOID context) { static_cast<UserMemory *>(context)->watch_(); }, this);
    }

  private:
    alignas(16) std::array<std::byte, Size> bytes_;
    std::function<void()> watch_;
};

class BodyTest : public DriverTest {
  protected:
    void SetUp() override {
        DriverTest::SetUp();
        client_ = std::make_unique<Client>();
        actor_ = std::make_unique<Actor>();
        key_ = actor_->create(path());
    }
    void TearDown() override {
        actor_->close(key_);
        client_.reset();
        actor_.reset();
        DriverTest::TearDown();
    }

    Client &client() { return *client_; }
    Actor &actor() { return *actor_; }
    HANDLE key() const { return key_; }

    void listen(ULONG pre, ULONG post, uint32_t maxData = 4096, uint32_t options = 0) {
        client_->add(u"385100", bit(pre) | bit(post), maxData, options);
    }

    // Raises a pair of notifications for the key: `before` completes the structure as a caller's call would, `after` is
    // what the configuration manager does to the caller's memory before it reports `status`.
    template <typename Information>
    void raise(ULONG pre, ULONG post, NTSTATUS status, const std::function<void(Information &)> &before,
               const std::function<void(Information &)> &after = {}) {
        Rival above(u"400000", [&](ULONG number, PVOID information) {
            if (number == pre) {
                before(*static_cast<Information *>(information));
            }
        });
        Rival below(u"1", [&](ULONG number, PVOID information) {
            if (number == post && after) {
                after(*static_cast<Information *>(
                    static_cast<REG_POST_OPERATION_INFORMATION *>(information)->PreInformation));
            }
        });
        actor_->run([&] {
            PVOID object = nullptr;
            ASSERT_EQ(ObReferenceObjectByHandle(key_, 0, nullptr, KernelMode, &object, nullptr), STATUS_SUCCESS);
            CmInjectNotification(object, pre, status);
            ObDereferenceObject(object);
        });
    }

    // Repeats `operation` with each allocation of the driver failing once, and passes what was recorded to `check`, the
    // last time without a failure. Returns the number of failures. What the driver keeps beyond the operation it has
    // from one before.
    unsigned failAllocations(const std::function<void()> &operation,
                             const std::function<void(const std::vector<Record> &)> &check) {
        operation();
        client_->drain();
        for (unsigned nth = 1;; ++nth) {
            const uint64_t before = machine().failedAllocations();
            machine().failAllocation(nth);
            operation();
            machine().failAllocation(0);
            check(client_->drain());
            if (machine().failedAllocations() == before) {
                return nth - 1;
            }
        }
    }

    // The records of a pair.
    std::array<Record, 2> pair() {
        std::vector<Record> records = client_->drain();
        if (records.size() != 2) {
            throw std::runtime_error(std::to_string(records.size()) + " records");
        }
        return {records[0], records[1]};
    }

  private:
    std::unique_ptr<Client> client_;
    std::unique_ptr<Actor> actor_;
    HANDLE key_ = nullptr;
};

} // namespace cmbridge::test

#endif
