// SPDX-License-Identifier: MIT
//
// Block, bypass, replace, override: what they do to an operation, to its caller, and to the filters above and below.

#include "test/driver/decide/decision_fixture.h"

namespace cmbridge::test {
namespace {

class DecisionCarriedOut : public DecisionTest {
  protected:
    // What a filter saw of set value: the statuses of post, and how often pre came.
    struct Seen {
        unsigned pre = 0;
        std::vector<NTSTATUS> post;
    };
    static Rival::Callback count(Seen &seen) {
        return [&seen](ULONG number, PVOID information) {
            if (number == RegNtPreSetValueKey) {
                ++seen.pre;
            } else if (number == RegNtPostSetValueKey) {
                seen.post.push_back(static_cast<REG_POST_OPERATION_INFORMATION *>(information)->Status);
            }
        };
    }
    static void expectEnd(const DECISION_RESULT &result, NTSTATUS status, NTSTATUS returned) {
        EXPECT_EQ(result.Status, status);
        EXPECT_EQ(result.Return, returned);
        EXPECT_FALSE(result.Failed);
        EXPECT_EQ(result.Object, nullptr);
    }
};

TEST_F(DecisionCarriedOut, AllowChangesNothing) {
    for (const ULONG number : {RegNtPreSetValueKey, RegNtPostSetValueKey}) {
        Decider decider(u"300000", number, {.kind = CMB_DECISION_ALLOW});
        EXPECT_EQ(trySet(u"Name", REG_DWORD, pattern(4)), STATUS_SUCCESS);
        expectEnd(decider.result(), STATUS_SUCCESS, STATUS_SUCCESS);
        expectValue(u"Name", REG_DWORD, pattern(4));
    }
}

TEST_F(DecisionCarriedOut, BlockFailsTheOperation) {
    Seen above, below;
    Rival higher(u"400000", count(above)), lower(u"200000", count(below));
    Decider decider(u"300000", RegNtPreSetValueKey, {.kind = CMB_DECISION_BLOCK, .status = STATUS_ACCESS_DENIED});
    EXPECT_EQ(trySet(u"Name", REG_DWORD, pattern(4)), STATUS_ACCESS_DENIED);
    expectEnd(decider.result(), STATUS_ACCESS_DENIED, STATUS_ACCESS_DENIED);
    expectNoValue(u"Name");
    EXPECT_EQ(above.pre, 1u);
    EXPECT_EQ(above.post, std::vector<NTSTATUS>{STATUS_ACCESS_DENIED});
    EXPECT_EQ(below.pre, 0u);
    EXPECT_TRUE(below.post.empty());
}

TEST_F(DecisionCarriedOut, BypassSucceedsWithoutTheOperation) {
    Seen above, below;
    Rival higher(u"400000", count(above)), lower(u"200000", count(below));
    Decider decider(u"300000", RegNtPreSetValueKey, {.kind = CMB_DECISION_BYPASS});
    EXPECT_EQ(trySet(u"Name", REG_DWORD, pattern(4)), STATUS_SUCCESS);
    expectEnd(decider.result(), STATUS_SUCCESS, STATUS_CALLBACK_BYPASS);
    expectNoValue(u"Name");
    EXPECT_EQ(above.post, std::vector<NTSTATUS>{STATUS_SUCCESS});
    EXPECT_EQ(below.pre, 0u);
}

// A rule may name the class, so that what nobody could answer is found out only here.
TEST_F(DecisionCarriedOut, BypassOfALoadThatWantsAHandleIsRefused) {
    DECISION_SUBJECT subject{};
    subject.Class = NotifyClassGet(RegNtPreLoadKey);
    subject.Number = RegNtPreLoadKey;
    subject.NeedsOutput = TRUE;
    DECISION decision{};
    decision.Kind = CMB_DECISION_BYPASS;
    LARGE_INTEGER cookie{};
    REG_LOAD_KEY_INFORMATION load{};
    DECISION_RESULT result;
    DecisionCarryPre(&decision, &cookie, &subject, &load, &result);
    EXPECT_EQ(result.Return, STATUS_NOT_SUPPORTED);
    EXPECT_TRUE(result.Failed);
}

TEST_F(DecisionCarriedOut, ReplaceSetsOtherData) {
    Seen above, below;
    Rival higher(u"400000", count(above)), lower(u"200000", count(below));
    {
        Decider decider(u"300000", RegNtPreSetValueKey,
                        {.kind = CMB_DECISION_REPLACE, .type = REG_BINARY, .data = pattern(7, 9)});
        EXPECT_EQ(trySet(u"Name", REG_DWORD, pattern(4)), STATUS_SUCCESS);
        expectEnd(decider.result(), STATUS_SUCCESS, STATUS_CALLBACK_BYPASS);
    }
    expectValue(u"Name", REG_BINARY, pattern(7, 9));
    // The caller's operation, as filters above see it, and the driver's, which goes to those below alone.
    EXPECT_EQ(above.pre, 1u);
    EXPECT_EQ(above.post, std::vector<NTSTATUS>{STATUS_SUCCESS});
    EXPECT_EQ(below.pre, 1u);
    EXPECT_EQ(below.post, std::vector<NTSTATUS>{STATUS_SUCCESS});
    {
        Decider decider(u"300000", RegNtPreSetValueKey, {.kind = CMB_DECISION_REPLACE, .type = 0xFFFFFFF0});
        EXPECT_EQ(trySet(u"", REG_SZ, pattern(4)), STATUS_SUCCESS);
    }
    expectValue(u"", 0xFFFFFFF0, {});
}

TEST_F(DecisionCarriedOut, ReplaceThatFailsIsWhatTheCallerGets) {
    Wish wish{.kind = CMB_DECISION_REPLACE, .type = REG_DWORD, .data = pattern(4, 9)};
    {
        // By a filter below.
        Decider lower(u"200000", RegNtPreSetValueKey, {.kind = CMB_DECISION_BLOCK, .status = STATUS_DISK_FULL});
        Decider decider(u"300000", RegNtPreSetValueKey, wish);
        EXPECT_EQ(trySet(u"Name", REG_DWORD, pattern(4)), STATUS_DISK_FULL);
        EXPECT_EQ(decider.result().Status, STATUS_DISK_FULL);
        EXPECT_TRUE(decider.result().Failed);
    }
    expectNoValue(u"Name");
    HANDLE again = actor().openKey(path());
    actor().deleteKey(again);
    actor().close(again);
    Decider decider(u"300000", RegNtPreSetValueKey, wish);
    EXPECT_EQ(trySet(u"Name", REG_DWORD, pattern(4)), STATUS_KEY_DELETED);
    EXPECT_TRUE(decider.result().Failed);
}

TEST_F(DecisionCarriedOut, ReplaceNeedsTheCallersRightToSetValues) {
    Decider decider(u"300000", RegNtPreSetValueKey, {.kind = CMB_DECISION_REPLACE, .type = REG_DWORD});
    actor().run([&] {
        std::u16string text = path(), valueText = u"Name";
        UNICODE_STRING name = unicode(text), valueName = unicode(valueText);
        OBJECT_ATTRIBUTES object = attributes(name);
        HANDLE handle = nullptr;
        ASSERT_EQ(NtOpenKey(&handle, KEY_READ, &object), STATUS_SUCCESS);
        EXPECT_EQ(NtSetValueKey(handle, &valueName, 0, REG_DWORD, nullptr, 0), STATUS_ACCESS_DENIED);
        EXPECT_EQ(NtClose(handle), STATUS_SUCCESS);
    });
    EXPECT_TRUE(decider.outcomes().empty());
}

// A name of user mode that goes away between the notification and the replacement.
TEST_F(DecisionCarriedOut, ReplaceFailsWhereTheNameCannotBeRead) {
    UserMemory<64> memory;
    Decider decider(u"300000", RegNtPreSetValueKey, {.kind = CMB_DECISION_REPLACE, .type = REG_DWORD});
    memory.vanish();
    UNICODE_STRING name = {8, 8, memory.at<WCHAR>()};
    raise<REG_SET_VALUE_KEY_INFORMATION>(RegNtPreSetValueKey, RegNtPostSetValueKey, STATUS_SUCCESS,
                                         [&](REG_SET_VALUE_KEY_INFORMATION &set) { set.ValueName = &name; });
    EXPECT_EQ(decider.result().Status, STATUS_ACCESS_VIOLATION);
    EXPECT_TRUE(decider.result().Failed);
}

TEST_F(DecisionCarriedOut, ReplaceFailsWithoutMemory) {
    unsigned successes = 0;
    const unsigned failures = failEach([&] {
        Decider decider(u"300000", RegNtPreSetValueKey,
                        {.kind = CMB_DECISION_REPLACE, .type = REG_DWORD, .data = pattern(4, 9)});
        const NTSTATUS status = trySet(u"Name", REG_DWORD, pattern(4));
        EXPECT_EQ(decider.result().Status, status);
        EXPECT_EQ(decider.result().Failed != FALSE, status != STATUS_SUCCESS);
        if (status == STATUS_SUCCESS) {
            ++successes;
            expectValue(u"Name", REG_DWORD, pattern(4, 9));
            EXPECT_EQ(tryDelete(u"Name"), STATUS_SUCCESS);
        } else {
            EXPECT_EQ(status, STATUS_INSUFFICIENT_RESOURCES);
            expectNoValue(u"Name");
        }
    });
    EXPECT_GE(failures, 1u);
    EXPECT_GE(successes, 1u);
}

TEST_F(DecisionCarriedOut, OverrideMakesASuccessAFailure) {
    Seen above, below;
    Rival higher(u"400000", count(above)), lower(u"200000", count(below));
    Decider decider(u"300000", RegNtPostSetValueKey, {.kind = CMB_DECISION_OVERRIDE, .status = STATUS_DISK_FULL});
    EXPECT_EQ(trySet(u"Name", REG_DWORD, pattern(4)), STATUS_DISK_FULL);
    expectEnd(decider.result(), STATUS_DISK_FULL, STATUS_CALLBACK_BYPASS);
    // Nothing asked for it to be undone.
    expectValue(u"Name", REG_DWORD, pattern(4));
    EXPECT_EQ(below.post, std::vector<NTSTATUS>{STATUS_SUCCESS});
    EXPECT_EQ(above.post, std::vector<NTSTATUS>{STATUS_DISK_FULL});
}

TEST_F(DecisionCarriedOut, OverrideMakesAFailureASuccess) {
    Decider decider(u"300000", RegNtPostDeleteValueKey, {.kind = CMB_DECISION_OVERRIDE});
    EXPECT_EQ(tryDelete(u"Missing"), STATUS_SUCCESS);
    expectEnd(decider.result(), STATUS_SUCCESS, STATUS_CALLBACK_BYPASS);
    EXPECT_EQ(decider.outcomes()[0].subject.Status, STATUS_OBJECT_NAME_NOT_FOUND);
}

// Where the registry could not be called: nobody is asked there, and a decision that came from anywhere fails.
TEST_F(DecisionCarriedOut, CallsNothingAtApcLevel) {
    Decider decider(u"300000", RegNtPreSetValueKey, {.kind = CMB_DECISION_REPLACE, .type = REG_DWORD});
    decider.before([] {
        KIRQL old;
        KeRaiseIrql(APC_LEVEL, &old);
    });
    decider.after([](PVOID) { KeLowerIrql(PASSIVE_LEVEL); });
    EXPECT_EQ(trySet(u"Name", REG_DWORD, pattern(4)), STATUS_CANT_WAIT);
    EXPECT_TRUE(decider.result().Failed);
}

TEST_F(DecisionCarriedOut, CallsNothingWithLittleStack) {
    Decider decider(u"300000", RegNtPreSetValueKey, {.kind = CMB_DECISION_REPLACE, .type = REG_DWORD});
    decider.before([] { SimSetRemainingStack(4096); });
    decider.after([](PVOID) { SimSetRemainingStack(MAXULONG_PTR); });
    EXPECT_EQ(trySet(u"Name", REG_DWORD, pattern(4)), STATUS_CANT_WAIT);
    EXPECT_TRUE(decider.result().Failed);
    expectNoValue(u"Name");
}

} // namespace
} // namespace cmbridge::test
