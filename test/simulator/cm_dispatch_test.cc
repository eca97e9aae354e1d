// SPDX-License-Identifier: MIT

#include <map>

#include "cm_fixture.h"

using namespace cm_test;

namespace {

constexpr NTSTATUS kDenied = STATUS_ACCESS_DENIED;
constexpr NTSTATUS kNotFound = STATUS_OBJECT_NAME_NOT_FOUND;
constexpr ULONG kPre = RegNtPreDeleteValueKey, kPost = RegNtPostDeleteValueKey;

// What one filter answers. Override: written to ReturnStatus in post, and BYPASS returned.
struct Answer {
    NTSTATUS pre = STATUS_SUCCESS;
    NTSTATUS post = STATUS_SUCCESS;
    std::optional<NTSTATUS> override;
};

struct Case {
    const char *name;
    std::map<char, Answer> answers;
    bool valueExists;
    std::vector<Call> seen;
    NTSTATUS caller;
};

class CmWorkedCase : public CmTest, public ::testing::WithParamInterface<Case> {};

TEST_P(CmWorkedCase, IsDispatchedAsTheDocumentationSays) {
    const Case &c = GetParam();
    auto handler = [&c](char name) {
        auto entry = c.answers.find(name);
        Answer answer = entry == c.answers.end() ? Answer{} : entry->second;
        return [answer](ULONG notifyClass, void *information) {
            if (!isPost(notifyClass)) {
                return answer.pre;
            }
            if (answer.override) {
                post(information)->ReturnStatus = *answer.override;
                return STATUS_CALLBACK_BYPASS;
            }
            return answer.post;
        };
    };
    Key key = scratch();
    if (c.valueExists) {
        ASSERT_EQ(key.set(u"v", 1), STATUS_SUCCESS);
    }
    Filter low('L', u"380000", &log_, {kPre, kPost}, handler('L'));
    Filter high('H', u"380020", &log_, {kPre, kPost}, handler('H'));
    Filter middle('M', u"380010", &log_, {kPre, kPost}, handler('M'));
    EXPECT_EQ(key.remove(u"v"), c.caller);
    EXPECT_EQ(log_.take(), c.seen);
}

const Call H{'H', kPre, 0}, M{'M', kPre, 0}, L{'L', kPre, 0};

std::vector<Call> all(NTSTATUS low, NTSTATUS middle, NTSTATUS high) {
    return {H, M, L, {'L', kPost, low}, {'M', kPost, middle}, {'H', kPost, high}};
}

INSTANTIATE_TEST_SUITE_P(
    , CmWorkedCase,
    ::testing::Values(
        Case{"AllAllow", {}, true, all(0, 0, 0), 0},
        Case{"AllAllowAFailure", {}, false, all(kNotFound, kNotFound, kNotFound), kNotFound},
        Case{"MiddleBlocks", {{'M', {kDenied, 0, {}}}}, true, {H, M, {'H', kPost, kDenied}}, kDenied},
        Case{"MiddleBypasses", {{'M', {STATUS_CALLBACK_BYPASS, 0, {}}}}, true, {H, M, {'H', kPost, 0}}, 0},
        Case{"HighBlocks", {{'H', {kDenied, 0, {}}}}, true, {H}, kDenied},
        Case{"HighBypasses", {{'H', {STATUS_CALLBACK_BYPASS, 0, {}}}}, true, {H}, 0},
        Case{"ReparseContinues", {{'M', {STATUS_REPARSE, 0, {}}}}, true, all(0, 0, 0), 0},
        Case{"InformationalContinues", {{'M', {0x40000000, 0, {}}}}, true, all(0, 0, 0), 0},
        Case{"WarningBlocks",
             {{'M', {STATUS_BUFFER_OVERFLOW, 0, {}}}},
             true,
             {H, M, {'H', kPost, STATUS_BUFFER_OVERFLOW}},
             STATUS_BUFFER_OVERFLOW},
        Case{"LowTurnsFailureIntoSuccess", {{'L', {0, 0, 0}}}, false, all(kNotFound, 0, 0), 0},
        Case{"MiddleTurnsSuccessIntoFailure", {{'M', {0, 0, kDenied}}}, true, all(0, 0, kDenied), kDenied},
        Case{
            "HighOverridesABlock", {{'M', {kDenied, 0, {}}}, {'H', {0, 0, 0}}}, true, {H, M, {'H', kPost, kDenied}}, 0},
        Case{"BlockOverriddenByAnInformationalStatusIsPlainSuccess",
             {{'M', {kDenied, 0, {}}}, {'H', {0, 0, 0x40000000}}},
             true,
             {H, M, {'H', kPost, kDenied}},
             0},
        Case{"PostReturnValueIsIgnored", {{'L', {0, kDenied, {}}}}, true, all(0, 0, 0), 0},
        Case{"OverridesChain",
             {{'L', {0, 0, kDenied}}, {'M', {0, 0, STATUS_UNSUCCESSFUL}}, {'H', {0, 0, STATUS_NO_MORE_ENTRIES}}},
             true,
             all(0, kDenied, STATUS_UNSUCCESSFUL),
             STATUS_NO_MORE_ENTRIES}),
    [](const ::testing::TestParamInfo<Case> &info) { return info.param.name; });

class CmDispatch : public CmTest {};
using CmDispatchDeath = CmDispatch;

TEST_F(CmDispatch, BlockingAndBypassingKeepTheOperationFromHappening) {
    Key key = scratch();
    ASSERT_EQ(key.set(u"v", 7), STATUS_SUCCESS);
    ULONG value = 0;
    for (NTSTATUS answer : {STATUS_CALLBACK_BYPASS, kDenied}) {
        Filter filter('f', u"385100", nullptr, {kPre}, [answer](ULONG, void *) { return answer; });
        key.remove(u"v");
        EXPECT_EQ(key.query(u"v", &value), STATUS_SUCCESS);
    }
    EXPECT_EQ(value, 7u);
}

TEST_F(CmDispatch, GivesEachFilterItsOwnCallContext) {
    struct Seen {
        PVOID pre = &pre, post = nullptr, postOfPre = &pre;
    } high, low;
    auto handler = [](Seen *seen, uintptr_t context) {
        return [seen, context](ULONG notifyClass, void *information) {
            if (notifyClass == kPre) {
                auto info = static_cast<REG_DELETE_VALUE_KEY_INFORMATION *>(information);
                seen->pre = info->CallContext;
                info->CallContext = reinterpret_cast<PVOID>(context);
            } else {
                seen->post = post(information)->CallContext;
                seen->postOfPre =
                    static_cast<REG_DELETE_VALUE_KEY_INFORMATION *>(post(information)->PreInformation)->CallContext;
            }
            return STATUS_SUCCESS;
        };
    };
    Filter a('h', u"385100", nullptr, {kPre, kPost}, handler(&high, 0x1111));
    Filter b('l', u"385000", nullptr, {kPre, kPost}, handler(&low, 0x2222));
    scratch().remove(u"v");
    EXPECT_EQ(high.pre, nullptr);
    EXPECT_EQ(low.pre, nullptr);
    EXPECT_EQ(high.post, reinterpret_cast<PVOID>(0x1111));
    EXPECT_EQ(low.post, reinterpret_cast<PVOID>(0x2222));
    EXPECT_EQ(high.postOfPre, nullptr);
    EXPECT_EQ(low.postOfPre, nullptr);
}

TEST_F(CmDispatch, KeepsThePreStructureInPlaceForThePost) {
    void *pre = nullptr, *inPost = nullptr;
    Filter filter('f', u"385100", nullptr, {kPre, kPost}, [&](ULONG notifyClass, void *information) {
        (notifyClass == kPre ? pre : inPost) = notifyClass == kPre ? information : post(information)->PreInformation;
        return STATUS_SUCCESS;
    });
    scratch().remove(u"v");
    EXPECT_EQ(pre, inPost);
    EXPECT_NE(pre, nullptr);
}

TEST_F(CmDispatch, ServesMoreFiltersThanFitTheOperation) {
    std::vector<std::unique_ptr<Filter>> filters;
    for (int i = 0; i < 12; i++) {
        std::u16string altitude =
            u"38510" + std::u16string(1, static_cast<char16_t>(u'0' + i % 10)) + (i >= 10 ? u".5" : u"");
        filters.push_back(
            std::make_unique<Filter>(static_cast<char>('a' + i), altitude, &log_, std::vector<ULONG>{kPre, kPost}));
        ASSERT_EQ(filters.back()->status, STATUS_SUCCESS);
    }
    scratch().remove(u"v");
    auto calls = log_.take();
    ASSERT_EQ(calls.size(), 24u);
    for (size_t i = 0; i < 12; i++) {
        EXPECT_EQ(calls[i].filter, calls[23 - i].filter);
    }
}

TEST_F(CmDispatch, FailsTheOperationButOwesThePostsWhenMemoryRunsOutBetweenFilters) {
    std::vector<std::unique_ptr<Filter>> filters;
    for (char16_t digit = u'9'; digit > u'3'; digit--) {
        filters.push_back(std::make_unique<Filter>(static_cast<char>(digit), std::u16string(1, digit), &log_,
                                                   std::vector<ULONG>{kPre, kPost}));
    }
    Key key = scratch();
    ASSERT_EQ(key.set(u"v", 1), STATUS_SUCCESS);
    // The name, then the record of the fifth filter.
    CmFailAllocation(2);
    EXPECT_EQ(key.remove(u"v"), STATUS_INSUFFICIENT_RESOURCES);
    auto calls = log_.take();
    ASSERT_EQ(calls.size(), 8u);
    EXPECT_EQ(calls[3], (Call{'6', kPre, 0}));
    EXPECT_EQ(calls[4], (Call{'6', kPost, STATUS_INSUFFICIENT_RESOURCES}));
    ULONG value;
    EXPECT_EQ(key.query(u"v", &value), STATUS_SUCCESS);
}

// The counts that Microsoft's sample filter expects: the middle one of three opens and closes a key in its pre and in
// its post create.
TEST_F(CmDispatch, ShowsNestedCallsToLowerFiltersOnly) {
    const std::vector<ULONG> watched = {RegNtPreCreateKeyEx, RegNtPostCreateKeyEx,   RegNtPreOpenKeyEx,
                                        RegNtPostOpenKeyEx,  RegNtPreKeyHandleClose, RegNtPostKeyHandleClose};
    Key software = Key::open(kSoftware);
    Filter high('h', u"380020", &log_, watched);
    Filter middle('m', u"380010", &log_, watched, [&](ULONG, void *) {
        EXPECT_EQ(Key::open(kSoftware).status, STATUS_SUCCESS);
        return STATUS_SUCCESS;
    });
    Filter low('l', u"380000", &log_, watched);
    Key key = Key::create(u"Nested", software.get());
    ASSERT_EQ(key.status, STATUS_SUCCESS);
    std::map<char, int> pre, posts;
    for (auto &call : log_.take()) {
        (isPost(call.notifyClass) ? posts : pre)[call.filter]++;
    }
    EXPECT_EQ(pre, (std::map<char, int>{{'h', 1}, {'m', 1}, {'l', 5}}));
    EXPECT_EQ(posts, (std::map<char, int>{{'h', 1}, {'m', 1}, {'l', 5}}));
}

TEST_F(CmDispatch, StartsAtTheTopForAnotherThreadEvenIfACallbackWaitsForIt) {
    auto process = machine_->createProcess({.imagePath = u"C:\\Windows\\helper.exe"});
    auto helper = process->createThread();
    bool first = true;
    Filter high('h', u"385100", &log_, {kPre});
    Filter low('l', u"385000", nullptr, {kPre}, [&](ULONG, void *) {
        if (std::exchange(first, false)) {
            helper->run([] { Key::open(u"\\REGISTRY\\MACHINE\\SOFTWARE\\CmTest").remove(u"w"); });
        }
        return STATUS_SUCCESS;
    });
    scratch().remove(u"v");
    EXPECT_EQ(log_.take().size(), 2u);
    helper.reset();
}

TEST_F(CmDispatch, RunsCallbacksWithNormalApcsDisabled) {
    bool inside = false;
    Filter filter('f', u"385100", nullptr, {kPre}, [&](ULONG, void *) {
        inside = KeAreApcsDisabled();
        return STATUS_SUCCESS;
    });
    scratch().remove(u"v");
    EXPECT_TRUE(inside);
    EXPECT_FALSE(KeAreApcsDisabled());
}

TEST_F(CmDispatch, MayBeCalledAtApcLevel) {
    KIRQL irql = PASSIVE_LEVEL, old;
    Filter filter('f', u"385100", nullptr, {RegNtPreQueryKey}, [&](ULONG, void *) {
        irql = KeGetCurrentIrql();
        return STATUS_SUCCESS;
    });
    Key key = scratch();
    PVOID object = key.object();
    KeRaiseIrql(APC_LEVEL, &old);
    EXPECT_EQ(CmInjectNotification(object, RegNtPreQueryKey, STATUS_SUCCESS), STATUS_SUCCESS);
    KeLowerIrql(old);
    EXPECT_EQ(irql, APC_LEVEL);
}

TEST_F(CmDispatch, IgnoresAReturnStatusWithoutBypassUnlessAskedForTheObservedBehaviour) {
    NTSTATUS statusOfHigh = 1;
    Filter high('h', u"385100", nullptr, {kPost}, [&](ULONG, void *information) {
        statusOfHigh = post(information)->Status;
        return STATUS_SUCCESS;
    });
    Filter low('l', u"385000", nullptr, {kPost}, [](ULONG, void *information) {
        post(information)->ReturnStatus = kDenied;
        return STATUS_SUCCESS;
    });
    Key key = scratch();
    setOptions([](CM_OPTIONS &options) { options.Strict = FALSE; });
    ASSERT_EQ(key.set(u"v", 1), STATUS_SUCCESS);
    EXPECT_EQ(key.remove(u"v"), STATUS_SUCCESS);
    EXPECT_EQ(statusOfHigh, STATUS_SUCCESS);
    setOptions([](CM_OPTIONS &options) { options.ObservedReturnStatus = TRUE; });
    ASSERT_EQ(key.set(u"v", 1), STATUS_SUCCESS);
    EXPECT_EQ(key.remove(u"v"), kDenied);
    EXPECT_EQ(statusOfHigh, STATUS_SUCCESS);
}

TEST_F(CmDispatch, HasNoEffectWhenStatusIsWritten) {
    Filter filter('f', u"385100", nullptr, {kPost}, [](ULONG, void *information) {
        post(information)->Status = kDenied;
        return STATUS_SUCCESS;
    });
    Key key = scratch();
    ASSERT_EQ(key.set(u"v", 1), STATUS_SUCCESS);
    EXPECT_EQ(key.remove(u"v"), STATUS_SUCCESS);
}

TEST_F(CmDispatchDeath, WritingReturnStatusWithoutBypassIsReported) {
    Filter filter('f', u"385100", nullptr, {kPost}, [](ULONG, void *information) {
        post(information)->ReturnStatus = kDenied;
        return STATUS_SUCCESS;
    });
    Key key = scratch();
    EXPECT_DEATH(key.remove(u"v"), "STOP: 0x000000C4 \\(0xC3000005");
}

TEST_F(CmDispatchDeath, AnExceptionInACallbackIsBugCheck135) {
    Filter filter('f', u"385100", nullptr, {kPre},
                  [](ULONG, void *) -> NTSTATUS { ExRaiseStatus(STATUS_ACCESS_VIOLATION); });
    Key key = scratch();
    EXPECT_DEATH(key.remove(u"v"), "STOP: 0x00000135 \\(0xC0000005");
}

TEST_F(CmDispatchDeath, ReturningWithRaisedIrqlIsReported) {
    Filter filter('f', u"385100", nullptr, {kPre}, [](ULONG, void *) {
        KfRaiseIrql(APC_LEVEL);
        return STATUS_SUCCESS;
    });
    Key key = scratch();
    EXPECT_DEATH(key.remove(u"v"), "STOP: ");
}

TEST_F(CmDispatchDeath, ReturningWithASpinLockHeldIsReported) {
    static KSPIN_LOCK lock;
    Filter filter('f', u"385100", nullptr, {kPre}, [](ULONG, void *) {
        KeAcquireSpinLockRaiseToDpc(&lock);
        return STATUS_SUCCESS;
    });
    Key key = scratch();
    EXPECT_DEATH(key.remove(u"v"), "STOP: ");
}

} // namespace
