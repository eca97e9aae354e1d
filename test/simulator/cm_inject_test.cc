// SPDX-License-Identifier: MIT

#include "cm_fixture.h"

using namespace cm_test;

namespace {

class CmInject : public CmTest {};

std::vector<ULONG> everything() {
    std::vector<ULONG> all;
    for (ULONG i = 0; i < 64; i++) {
        all.push_back(i);
    }
    return all;
}

struct Pair {
    ULONG pre, post;
};

class CmInjectPair : public CmTest, public ::testing::WithParamInterface<Pair> {};

TEST_P(CmInjectPair, IsDeliveredDownAndUpAndCanBeBlocked) {
    auto [pre, post] = GetParam();
    Key key = scratch();
    NTSTATUS answer = STATUS_SUCCESS;
    Filter high('h', u"385100", &log_, everything());
    Filter low('l', u"385000", &log_, everything(),
               [&](ULONG notifyClass, void *) { return notifyClass == pre ? answer : STATUS_SUCCESS; });
    for (ULONG which : {pre, post}) {
        EXPECT_EQ(CmInjectNotification(key.object(), which, STATUS_SUCCESS), STATUS_SUCCESS);
        EXPECT_EQ(log_.take(), (std::vector<Call>{{'h', pre, 0}, {'l', pre, 0}, {'l', post, 0}, {'h', post, 0}}));
    }
    EXPECT_EQ(CmInjectNotification(key.object(), pre, STATUS_UNSUCCESSFUL), STATUS_UNSUCCESSFUL);
    log_.take();
    answer = STATUS_ACCESS_DENIED;
    if (pre != RegNtPreKeyHandleClose) {
        EXPECT_EQ(CmInjectNotification(key.object(), pre, STATUS_SUCCESS), STATUS_ACCESS_DENIED);
        EXPECT_EQ(log_.take(), (std::vector<Call>{{'h', pre, 0}, {'l', pre, 0}, {'h', post, STATUS_ACCESS_DENIED}}));
    }
}

INSTANTIATE_TEST_SUITE_P(, CmInjectPair,
                         ::testing::Values(Pair{0, 15}, Pair{1, 16}, Pair{2, 17}, Pair{3, 18}, Pair{4, 19}, Pair{5, 20},
                                           Pair{6, 21}, Pair{7, 22}, Pair{8, 23}, Pair{9, 24}, Pair{14, 25},
                                           Pair{26, 27}, Pair{28, 29}, Pair{30, 31}, Pair{32, 33}, Pair{34, 35},
                                           Pair{36, 37}, Pair{38, 39}, Pair{41, 42}, Pair{43, 44}, Pair{45, 46},
                                           Pair{47, 48}, Pair{49, 50}),
                         [](const ::testing::TestParamInfo<Pair> &info) {
                             return "Class" + std::to_string(info.param.pre);
                         });

TEST_F(CmInject, ClassesWithoutAPartnerAndUnknownOnesAreSingle) {
    Key key = scratch();
    Filter filter('f', u"385100", &log_, everything(), [](ULONG, void *) { return STATUS_ACCESS_DENIED; });
    for (ULONG notifyClass : {10, 11, 12, 13, 51, 52, 63}) {
        EXPECT_EQ(CmInjectNotification(key.object(), notifyClass, STATUS_SUCCESS), STATUS_SUCCESS);
        EXPECT_EQ(log_.take(), (std::vector<Call>{{'f', notifyClass, 0}}));
    }
}

TEST_F(CmInject, ObjectsThatMustNotBeUsedAreInvalidAndDifferEachTime) {
    Key key = scratch();
    std::vector<PVOID> seen;
    Filter filter('f', u"385100", nullptr,
                  {RegNtPostKeyHandleClose, RegNtPostLoadKey, RegNtPostUnLoadKey, RegNtPostOpenKeyEx, 50},
                  [&](ULONG, void *information) {
                      seen.push_back(post(information)->Object);
                      return STATUS_SUCCESS;
                  });
    PVOID object = key.object();
    CmInjectNotification(object, RegNtPreKeyHandleClose, STATUS_SUCCESS);
    CmInjectNotification(object, RegNtPreLoadKey, STATUS_SUCCESS);
    CmInjectNotification(object, RegNtPreUnLoadKey, STATUS_SUCCESS);
    CmInjectNotification(object, RegNtPreOpenKeyEx, STATUS_REPARSE);
    std::sort(seen.begin(), seen.end());
    EXPECT_EQ(std::unique(seen.begin(), seen.end()) - seen.begin(), 4);
    for (PVOID pointer : seen) {
        EXPECT_EQ(reinterpret_cast<uintptr_t>(pointer) >> 48, 0xDEADu);
    }
    seen.clear();
    CmInjectNotification(object, 49, STATUS_SUCCESS);
    EXPECT_EQ(seen, std::vector<PVOID>{nullptr});
}

TEST_F(CmInject, TheLoadStructureComesInBothVersions) {
    Key key = scratch();
    ULONG_PTR version = 99;
    Filter filter('f', u"385100", nullptr, {RegNtPreLoadKey}, [&](ULONG, void *information) {
        version = static_cast<REG_LOAD_KEY_INFORMATION_V2 *>(information)->Version;
        return STATUS_SUCCESS;
    });
    CmInjectNotification(key.object(), RegNtPreLoadKey, STATUS_SUCCESS);
    EXPECT_EQ(version, 2u);
    setOptions([](CM_OPTIONS &options) { options.LoadVersion = 0; });
    CmInjectNotification(key.object(), RegNtPreLoadKey, STATUS_SUCCESS);
    EXPECT_EQ(version, 0u);
}

TEST_F(CmInject, ACleanupGoesToTheOwnersOfContextsOrElseToAll) {
    Key key = scratch();
    std::vector<PVOID> contexts;
    auto note = [&](ULONG, void *information) {
        contexts.push_back(static_cast<REG_CALLBACK_CONTEXT_CLEANUP_INFORMATION *>(information)->ObjectContext);
        return STATUS_SUCCESS;
    };
    Filter owner('o', u"385100", &log_, {RegNtCallbackObjectContextCleanup}, note);
    Filter other('x', u"385000", &log_, {RegNtCallbackObjectContextCleanup}, note);
    ASSERT_EQ(CmSetCallbackObjectContext(key.object(), &owner.cookie, &key, nullptr), STATUS_SUCCESS);
    CmInjectNotification(key.object(), RegNtCallbackObjectContextCleanup, STATUS_SUCCESS);
    EXPECT_EQ(contexts, std::vector<PVOID>{&key});
    CmInjectNotification(key.object(), RegNtCallbackObjectContextCleanup, STATUS_SUCCESS);
    EXPECT_EQ(contexts, (std::vector<PVOID>{&key, nullptr, nullptr}));
}

} // namespace
