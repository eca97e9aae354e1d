// SPDX-License-Identifier: MIT

#include <atomic>
#include <future>
#include <thread>

#include "cm_fixture.h"

using namespace cm_test;

namespace {

const std::vector<ULONG> kSetValue = {RegNtPreSetValueKey, RegNtPostSetValueKey};

class CmRegistration : public CmTest {};
using CmRegistrationDeath = CmRegistration;

struct AltitudePair {
    const char16_t *first, *second;
    int order; // of the first against the second
};

class CmAltitude : public CmTest, public ::testing::WithParamInterface<AltitudePair> {};

TEST_P(CmAltitude, ComparesAsADecimalNumberOfAnyLength) {
    auto [first, second, order] = GetParam();
    Filter a('a', first, &log_, kSetValue);
    Filter b('b', second, &log_, kSetValue);
    ASSERT_EQ(a.status, STATUS_SUCCESS);
    if (order == 0) {
        EXPECT_EQ(b.status, STATUS_FLT_INSTANCE_ALTITUDE_COLLISION);
        return;
    }
    ASSERT_EQ(b.status, STATUS_SUCCESS);
    ASSERT_EQ(scratch().set(u"v", 1), STATUS_SUCCESS);
    char high = order > 0 ? 'a' : 'b', low = order > 0 ? 'b' : 'a';
    EXPECT_EQ(log_.take(), (std::vector<Call>{{high, RegNtPreSetValueKey, 0},
                                              {low, RegNtPreSetValueKey, 0},
                                              {low, RegNtPostSetValueKey, 0},
                                              {high, RegNtPostSetValueKey, 0}}));
}

INSTANTIATE_TEST_SUITE_P(
    , CmAltitude,
    ::testing::Values(AltitudePair{u"385100", u"0385100.0", 0}, AltitudePair{u"385100", u"385100.", 0},
                      AltitudePair{u"385100", u"385100", 0}, AltitudePair{u"385100.10", u"385100.1", 0},
                      AltitudePair{u"0", u"000.000", 0}, AltitudePair{u"0", u"", 0},
                      AltitudePair{u"385100.1", u"385100.09", 1}, AltitudePair{u"385100.1", u"385100.11", -1},
                      AltitudePair{u"385100", u"99999", 1}, AltitudePair{u"9", u"10", -1},
                      AltitudePair{u"385100", u"385100.0000000000000000000000000000000001", -1},
                      AltitudePair{u"100000000000000000000000000000000000001",
                                   u"100000000000000000000000000000000000000", 1},
                      AltitudePair{u"18446744073709551616", u"0.5", 1}, AltitudePair{u"0.1", u"", 1}));

TEST_F(CmRegistration, GivesAscendingCookiesThatAreNeverReused) {
    LARGE_INTEGER now;
    KeQuerySystemTimePrecise(&now);
    LONGLONG last = 0;
    for (int i = 0; i < 5; i++) {
        Filter filter('f', u"385100", nullptr, {});
        ASSERT_EQ(filter.status, STATUS_SUCCESS);
        EXPECT_GT(filter.cookie.QuadPart, last);
        last = filter.cookie.QuadPart;
    }
    // Seeded from the time of boot, so that they look like one.
    EXPECT_GT(last, now.QuadPart - 10'000'000LL * 3600);
    EXPECT_LT(last, now.QuadPart + 10'000'000LL * 3600);
}

TEST_F(CmRegistration, RefusesAMissingDriverAndAReservedArgument) {
    UNICODE_STRING altitude = text(u"385100");
    LARGE_INTEGER cookie{};
    auto callback = [](PVOID, PVOID, PVOID) -> NTSTATUS { return STATUS_SUCCESS; };
    EXPECT_EQ(CmRegisterCallbackEx(callback, &altitude, nullptr, nullptr, &cookie, nullptr),
              STATUS_INVALID_PARAMETER_3);
    EXPECT_EQ(CmRegisterCallbackEx(callback, &altitude, &cookie, nullptr, &cookie, &cookie),
              STATUS_INVALID_PARAMETER_6);
    EXPECT_EQ(statistics().Registrations, 0u);
}

TEST_F(CmRegistration, CopiesTheAltitude) {
    std::u16string altitude = u"385100";
    UNICODE_STRING string = text(altitude);
    LARGE_INTEGER cookie;
    auto callback = [](PVOID, PVOID, PVOID) -> NTSTATUS { return STATUS_SUCCESS; };
    ASSERT_EQ(CmRegisterCallbackEx(callback, &string, &cookie, nullptr, &cookie, nullptr), STATUS_SUCCESS);
    altitude = u"111111";
    Filter same('b', u"385100", nullptr, {});
    EXPECT_EQ(same.status, STATUS_FLT_INSTANCE_ALTITUDE_COLLISION);
    EXPECT_EQ(CmUnRegisterCallback(cookie), STATUS_SUCCESS);
}

TEST_F(CmRegistration, ReportsLackOfMemory) {
    CmFailAllocation(1);
    Filter filter('f', u"385100", nullptr, {});
    EXPECT_EQ(filter.status, STATUS_INSUFFICIENT_RESOURCES);
    EXPECT_EQ(filter.start(), STATUS_SUCCESS);
    EXPECT_EQ(filter.stop(), STATUS_SUCCESS);
}

TEST_F(CmRegistration, ForgetsAnUnregisteredCookie) {
    Filter filter('f', u"385100", nullptr, {});
    EXPECT_EQ(filter.stop(), STATUS_SUCCESS);
    EXPECT_EQ(CmUnRegisterCallback(filter.cookie), STATUS_INVALID_PARAMETER);
    EXPECT_EQ(CmUnRegisterCallback({}), STATUS_INVALID_PARAMETER);
}

TEST_F(CmRegistration, FreesTheAltitudeForTheNext) {
    Filter first('a', u"385100", nullptr, {});
    EXPECT_EQ(first.stop(), STATUS_SUCCESS);
    Filter second('b', u"385100", nullptr, {});
    EXPECT_EQ(second.status, STATUS_SUCCESS);
}

TEST_F(CmRegistration, SaysVersionOnePointOne) {
    ULONG major = 0, minor = 0;
    CmGetCallbackVersion(&major, &minor);
    EXPECT_EQ(major, 1u);
    EXPECT_EQ(minor, 1u);
    CmGetCallbackVersion(nullptr, nullptr);
}

TEST_F(CmRegistration, PutsLegacyCallbacksAt425000InOrderOfRegistration) {
    static Log *log;
    log = &log_;
    auto legacy = [](PVOID context, PVOID notifyClass, PVOID) -> NTSTATUS {
        if (notifyClass == reinterpret_cast<PVOID>(ULONG_PTR{RegNtPreSetValueKey})) {
            log->add({static_cast<char>(reinterpret_cast<ULONG_PTR>(context)), RegNtPreSetValueKey, 0});
        }
        return STATUS_SUCCESS;
    };
    LARGE_INTEGER first, second;
    ASSERT_EQ(CmRegisterCallback(legacy, reinterpret_cast<PVOID>(ULONG_PTR{'1'}), &first), STATUS_SUCCESS);
    ASSERT_EQ(CmRegisterCallback(legacy, reinterpret_cast<PVOID>(ULONG_PTR{'2'}), &second), STATUS_SUCCESS);
    Filter above('a', u"425000.1", &log_, {RegNtPreSetValueKey});
    Filter below('b', u"424999.9", &log_, {RegNtPreSetValueKey});
    ASSERT_EQ(scratch().set(u"v", 1), STATUS_SUCCESS);
    std::string order;
    for (auto &call : log_.take()) {
        order += call.filter;
    }
    EXPECT_EQ(order, "a12b");
    EXPECT_EQ(CmUnRegisterCallback(first), STATUS_SUCCESS);
    EXPECT_EQ(CmUnRegisterCallback(second), STATUS_SUCCESS);
}

TEST_F(CmRegistration, WaitsForThePostOfOperationsInFlightAndIsSilentAfterwards) {
    std::promise<void> reached, go;
    std::atomic<bool> unregistered{false}, postSeen{false};
    Filter held('h', u"385100", &log_, kSetValue, [&](ULONG notifyClass, void *) {
        if (notifyClass == RegNtPostSetValueKey) {
            EXPECT_FALSE(unregistered);
            postSeen = true;
        }
        return STATUS_SUCCESS;
    });
    Filter lower('l', u"385099", nullptr, {RegNtPreSetValueKey}, [&](ULONG, void *) {
        reached.set_value();
        go.get_future().wait();
        return STATUS_SUCCESS;
    });
    Key key = scratch();
    auto process = machine_->createProcess({.imagePath = u"C:\\Windows\\writer.exe"});
    auto thread = process->createThread();
    thread->post([&] {
        Key own = Key::open(u"\\REGISTRY\\MACHINE\\SOFTWARE\\CmTest");
        EXPECT_EQ(own.set(u"v", 1), STATUS_SUCCESS);
    });
    reached.get_future().wait();
    std::thread waiter([&] {
        EXPECT_EQ(held.stop(), STATUS_SUCCESS);
        unregistered = true;
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    EXPECT_FALSE(unregistered);
    // The registration is on its way out: nothing new reaches it, and its cookie can no longer be given back.
    EXPECT_EQ(CmUnRegisterCallback(held.cookie), STATUS_INVALID_PARAMETER);
    go.set_value();
    waiter.join();
    EXPECT_TRUE(postSeen);
    EXPECT_EQ(log_.take(), (std::vector<Call>{{'h', RegNtPreSetValueKey, 0}, {'h', RegNtPostSetValueKey, 0}}));
    lower.stop();
    EXPECT_EQ(key.set(u"v", 2), STATUS_SUCCESS);
    EXPECT_TRUE(log_.take().empty());
    thread.reset();
}

TEST_F(CmRegistration, KeepsACallbackThatComesMidOperationOutOfThatOperation) {
    std::unique_ptr<Filter> late;
    Filter first('f', u"385100", &log_, kSetValue, [&](ULONG notifyClass, void *) {
        if (notifyClass == RegNtPreSetValueKey && late == nullptr) {
            late = std::make_unique<Filter>('l', u"385000", &log_, kSetValue);
            EXPECT_EQ(late->status, STATUS_SUCCESS);
        }
        return STATUS_SUCCESS;
    });
    Key key = scratch();
    ASSERT_EQ(key.set(u"v", 1), STATUS_SUCCESS);
    EXPECT_EQ(log_.take(), (std::vector<Call>{{'f', RegNtPreSetValueKey, 0}, {'f', RegNtPostSetValueKey, 0}}));
    ASSERT_EQ(key.set(u"v", 1), STATUS_SUCCESS);
    EXPECT_EQ(log_.take().size(), 4u);
}

TEST_F(CmRegistration, MayUnregisterALowerCallbackFromPre) {
    Filter low('l', u"385000", &log_, kSetValue);
    Filter high('h', u"385100", &log_, kSetValue, [&](ULONG notifyClass, void *) {
        if (notifyClass == RegNtPreSetValueKey) {
            EXPECT_EQ(low.stop(), STATUS_SUCCESS);
        }
        return STATUS_SUCCESS;
    });
    ASSERT_EQ(scratch().set(u"v", 1), STATUS_SUCCESS);
    EXPECT_EQ(log_.take(), (std::vector<Call>{{'h', RegNtPreSetValueKey, 0}, {'h', RegNtPostSetValueKey, 0}}));
}

TEST_F(CmRegistrationDeath, UnregisteringInsideItsOwnPreIsReportedAsADeadlock) {
    Filter *self = nullptr;
    Filter filter('f', u"385100", nullptr, {RegNtPreSetValueKey}, [&](ULONG, void *) { return self->stop(); });
    self = &filter;
    Key key = scratch();
    EXPECT_DEATH(key.set(u"v", 1), "STOP: 0x000000C4 \\(0xC3000004");
}

TEST_F(CmRegistrationDeath, UnregisteringAHigherCallbackThatIsOwedAPostIsADeadlockToo) {
    Filter high('h', u"385100", nullptr, {RegNtPreSetValueKey});
    Filter low('l', u"385000", nullptr, {RegNtPreSetValueKey}, [&](ULONG, void *) { return high.stop(); });
    Key key = scratch();
    EXPECT_DEATH(key.set(u"v", 1), "STOP: 0x000000C4 \\(0xC3000004");
}

TEST_F(CmRegistrationDeath, RegisteringAtDispatchLevelIsReported) {
    EXPECT_DEATH(
        {
            KeRaiseIrqlToDpcLevel();
            Filter filter('f', u"385100", nullptr, {});
        },
        "STOP: 0x000000C4 \\(0xC3000001");
}

} // namespace
