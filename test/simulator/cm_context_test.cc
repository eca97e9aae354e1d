// SPDX-License-Identifier: MIT

#include <thread>

#include "cm_fixture.h"

using namespace cm_test;

namespace {

PVOID token(uintptr_t number) {
    return reinterpret_cast<PVOID>(number);
}

struct Cleanup {
    PVOID object, context;
    std::thread::id thread;
};

// Attaches `context` to every key that is opened, and notes what it sees of contexts.
class Attacher {
  public:
    Attacher(std::u16string_view altitude, PVOID context, Log *log = nullptr, char name = 'a')
        : filter(name, altitude, log,
                 {RegNtPostOpenKeyEx, RegNtPreSetValueKey, RegNtPostSetValueKey, RegNtPreKeyHandleClose,
                  RegNtPostKeyHandleClose, RegNtCallbackObjectContextCleanup, RegNtPreOpenKeyEx},
                 [this, context](ULONG notifyClass, void *information) {
                     return handle(notifyClass, information, context);
                 }) {}

    std::vector<Cleanup> cleanups;
    std::vector<PVOID> contexts; // in pre and post of set value
    PVOID rootContext = nullptr;
    NTSTATUS attached = STATUS_UNSUCCESSFUL;
    Filter filter;

  private:
    NTSTATUS handle(ULONG notifyClass, void *information, PVOID context) {
        switch (notifyClass) {
        case RegNtPostOpenKeyEx:
            if (post(information)->Status == STATUS_SUCCESS) {
                PVOID old = token(1);
                attached = CmSetCallbackObjectContext(post(information)->Object, &filter.cookie, context, &old);
                EXPECT_EQ(old, nullptr);
            }
            break;
        case RegNtPreOpenKeyEx:
            rootContext = static_cast<REG_OPEN_KEY_INFORMATION_V1 *>(information)->RootObjectContext;
            break;
        case RegNtPreSetValueKey:
            contexts.push_back(static_cast<REG_SET_VALUE_KEY_INFORMATION *>(information)->ObjectContext);
            break;
        case RegNtPostSetValueKey:
            contexts.push_back(post(information)->ObjectContext);
            break;
        case RegNtCallbackObjectContextCleanup: {
            auto info = static_cast<REG_CALLBACK_CONTEXT_CLEANUP_INFORMATION *>(information);
            cleanups.push_back({info->Object, info->ObjectContext, std::this_thread::get_id()});
            break;
        }
        default:
            break;
        }
        return STATUS_SUCCESS;
    }
};

class CmContext : public CmTest {};
using CmContextDeath = CmContext;

TEST_F(CmContext, BelongsToOneOpenOfTheKey) {
    Key old = Key::open(kSoftware);
    Attacher attacher(u"385100", token(0x77));
    Key opened = Key::open(kSoftware);
    ASSERT_EQ(attacher.attached, STATUS_SUCCESS);
    EXPECT_EQ(old.set(u"v", 1), STATUS_SUCCESS);
    EXPECT_EQ(opened.set(u"v", 1), STATUS_SUCCESS);
    EXPECT_EQ(attacher.contexts, (std::vector<PVOID>{nullptr, nullptr, token(0x77), token(0x77)}));
    EXPECT_EQ(statistics().ObjectContexts, 1u);
    attacher.filter.stop();
    ASSERT_EQ(attacher.cleanups.size(), 1u);
    EXPECT_EQ(attacher.cleanups[0].context, token(0x77));
    EXPECT_EQ(attacher.cleanups[0].object, opened.object());
}

TEST_F(CmContext, IsFoundAmongManyOpenKeys) {
    std::vector<Key> keys;
    Attacher attacher(u"385100", token(0x77));
    for (int i = 0; i < 5000; i++) {
        keys.push_back(Key::open(kSoftware));
        ASSERT_EQ(attacher.attached, STATUS_SUCCESS);
        PVOID old = nullptr;
        ASSERT_EQ(CmSetCallbackObjectContext(keys.back().object(), &attacher.filter.cookie,
                                             token(0x1000 + static_cast<uintptr_t>(i)), &old),
                  STATUS_SUCCESS);
    }
    EXPECT_EQ(statistics().KeyObjects, 5000u);
    for (size_t i = 0; i < keys.size(); i += 7) {
        attacher.contexts.clear();
        ASSERT_EQ(keys[i].set(u"v", 1), STATUS_SUCCESS);
        ASSERT_EQ(attacher.contexts, (std::vector<PVOID>{token(0x1000 + i), token(0x1000 + i)}));
    }
    keys.clear();
    EXPECT_EQ(attacher.cleanups.size(), 5000u);
    EXPECT_EQ(statistics().KeyObjects, 0u);
    EXPECT_EQ(statistics().ObjectContexts, 0u);
}

TEST_F(CmContext, IsShownAsRootObjectContext) {
    Attacher attacher(u"385100", token(0x77));
    Key root = Key::open(kSoftware);
    Key::open(u"Microsoft", KEY_READ, root.get());
    EXPECT_EQ(attacher.rootContext, token(0x77));
}

TEST_F(CmContext, IsPrivateToTheRegistration) {
    Attacher high(u"385100", token(0x11)), low(u"385000", token(0x22));
    Key key = Key::open(kSoftware);
    EXPECT_EQ(key.set(u"v", 1), STATUS_SUCCESS);
    EXPECT_EQ(high.contexts, (std::vector<PVOID>{token(0x11), token(0x11)}));
    EXPECT_EQ(low.contexts, (std::vector<PVOID>{token(0x22), token(0x22)}));
}

TEST_F(CmContext, GivesTheFormerPointerBackAndCleansUpOnlyTheCurrentOne) {
    Attacher attacher(u"385100", token(0x11));
    Key key = Key::open(kSoftware);
    PVOID old = nullptr;
    EXPECT_EQ(CmSetCallbackObjectContext(key.object(), &attacher.filter.cookie, token(0x12), &old), STATUS_SUCCESS);
    EXPECT_EQ(old, token(0x11));
    EXPECT_EQ(CmSetCallbackObjectContext(key.object(), &attacher.filter.cookie, token(0x13), nullptr), STATUS_SUCCESS);
    key.close();
    ASSERT_EQ(attacher.cleanups.size(), 1u);
    EXPECT_EQ(attacher.cleanups[0].context, token(0x13));
}

TEST_F(CmContext, IsCleanedUpBetweenPreAndPostClose) {
    Attacher high(u"385100", token(0x11), &log_, 'h'), low(u"385000", token(0x22), &log_, 'l');
    Key key = Key::open(kSoftware);
    log_.take();
    key.close();
    // Contexts are kept by descending cookie: the younger registration comes first.
    EXPECT_EQ(log_.take(), (std::vector<Call>{{'h', RegNtPreKeyHandleClose, 0},
                                              {'l', RegNtPreKeyHandleClose, 0},
                                              {'l', RegNtCallbackObjectContextCleanup, 0},
                                              {'h', RegNtCallbackObjectContextCleanup, 0},
                                              {'l', RegNtPostKeyHandleClose, 0},
                                              {'h', RegNtPostKeyHandleClose, 0}}));
}

TEST_F(CmContext, IsCleanedUpInTheThreadThatUnregisters) {
    Attacher attacher(u"385100", token(0x11));
    Key first = Key::open(kSoftware), second = Key::open(kSoftware);
    std::thread::id id;
    std::thread thread([&] {
        id = std::this_thread::get_id();
        attacher.filter.stop();
    });
    thread.join();
    ASSERT_EQ(attacher.cleanups.size(), 2u);
    EXPECT_EQ(attacher.cleanups[0].thread, id);
    EXPECT_EQ(attacher.cleanups[1].thread, id);
    first.close();
    EXPECT_EQ(attacher.cleanups.size(), 2u);
}

TEST_F(CmContext, ReportsLackOfMemory) {
    Key key = scratch();
    Filter filter('f', u"385100", nullptr, {});
    CmFailAllocation(1);
    EXPECT_EQ(CmSetCallbackObjectContext(key.object(), &filter.cookie, token(1), nullptr),
              STATUS_INSUFFICIENT_RESOURCES);
}

TEST_F(CmContext, ChecksObjectAndCookie) {
    Key key = scratch();
    Filter filter('f', u"385100", nullptr, {});
    LARGE_INTEGER foreign{};
    foreign.QuadPart = filter.cookie.QuadPart + 1;
    setOptions([](CM_OPTIONS &options) { options.Strict = FALSE; });
    EXPECT_EQ(CmSetCallbackObjectContext(nullptr, &filter.cookie, token(1), nullptr), STATUS_INVALID_PARAMETER_1);
    EXPECT_EQ(CmSetCallbackObjectContext(&foreign, &filter.cookie, token(1), nullptr), STATUS_INVALID_PARAMETER_1);
    EXPECT_EQ(CmSetCallbackObjectContext(key.object(), &foreign, token(1), nullptr), STATUS_INVALID_PARAMETER_2);
}

TEST_F(CmContextDeath, AnUnknownCookieIsReported) {
    Key key = scratch();
    LARGE_INTEGER foreign{};
    EXPECT_DEATH(CmSetCallbackObjectContext(key.object(), &foreign, token(1), nullptr),
                 "STOP: 0x000000C4 \\(0xC3000002");
}

TEST_F(CmContextDeath, AnObjectThatIsNoKeyIsReported) {
    Filter filter('f', u"385100", nullptr, {});
    EXPECT_DEATH(CmSetCallbackObjectContext(&filter, &filter.cookie, token(1), nullptr),
                 "STOP: 0x000000C4 \\(0xC3000003");
}

TEST_F(CmContextDeath, TheObjectOfACleanupIsDead) {
    Filter *self = nullptr;
    Filter filter('f', u"385100", nullptr, {RegNtCallbackObjectContextCleanup}, [&](ULONG, void *information) {
        auto info = static_cast<REG_CALLBACK_CONTEXT_CLEANUP_INFORMATION *>(information);
        return CmSetCallbackObjectContext(info->Object, &self->cookie, token(2), nullptr);
    });
    self = &filter;
    Key key = scratch();
    EXPECT_DEATH(
        {
            CmSetCallbackObjectContext(key.object(), &filter.cookie, token(1), nullptr);
            key.close();
        },
        "STOP: 0x000000C4 \\(0xC3000003");
}

} // namespace
