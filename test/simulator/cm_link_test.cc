// SPDX-License-Identifier: MIT
//
// Symbolic links. What creating, setting and opening them gives was found on Windows by tests of the Wine project.

#include "cm_fixture.h"

using namespace cm_test;

namespace {

// What one notification of a create or open said.
struct Seen {
    ULONG notifyClass;
    std::u16string complete, remaining; // pre
    PVOID root, object;
    NTSTATUS status;
};

class CmLink : public CmTest {
  protected:
    // Every create and open that filters see from now on.
    void watch(NTSTATUS (*answer)(ULONG, void *) = nullptr) {
        filter_ = std::make_unique<Filter>(
            'f', u"385100", nullptr,
            std::vector<ULONG>{RegNtPreOpenKeyEx, RegNtPostOpenKeyEx, RegNtPreCreateKeyEx, RegNtPostCreateKeyEx},
            [this, answer](ULONG notifyClass, void *information) {
                note(notifyClass, information);
                return answer != nullptr ? answer(notifyClass, information) : STATUS_SUCCESS;
            });
    }
    void note(ULONG notifyClass, void *information) {
        if (isPost(notifyClass)) {
            seen_.push_back({notifyClass, {}, {}, nullptr, post(information)->Object, post(information)->Status});
            return;
        }
        auto pre = static_cast<REG_OPEN_KEY_INFORMATION_V1 *>(information);
        seen_.push_back({notifyClass, text(pre->CompleteName), text(pre->RemainingName), pre->RootObject, nullptr, 0});
    }
    // A link in `parent`, deleted by clean().
    Key link(const Key &parent, std::u16string_view name, std::u16string_view target) {
        Key made = Key::create(name, parent.get(), REG_OPTION_CREATE_LINK | REG_OPTION_VOLATILE);
        EXPECT_EQ(made.status, STATUS_SUCCESS);
        EXPECT_EQ(made.setLink(target), STATUS_SUCCESS);
        return made;
    }
    static ULONG flags(const Key &key) {
        ULONG words[3] = {}, length = 0;
        EXPECT_EQ(NtQueryKey(key.get(), KeyFlagsInformation, words, sizeof words, &length), STATUS_SUCCESS);
        return words[1];
    }

    std::vector<Seen> seen_;
    std::unique_ptr<Filter> filter_;
};

const std::u16string kScratch = std::u16string(kSoftware) + u"\\CmTest";

TEST_F(CmLink, OpeningThroughOneIsReportedAsTwoOpens) {
    Key root = scratch(), target = Key::create(u"Target", root.get(), REG_OPTION_VOLATILE),
        below = Key::create(u"Below", target.get(), REG_OPTION_VOLATILE);
    Key made = link(root, u"Link", kScratch + u"\\Target");
    watch();
    Key opened = Key::open(u"Link\\Below", KEY_READ, root.get());
    filter_.reset();
    ASSERT_EQ(opened.status, STATUS_SUCCESS);
    EXPECT_EQ(opened.name(), kScratch + u"\\Target\\Below");
    ASSERT_EQ(seen_.size(), 4u);
    EXPECT_EQ(seen_[0].notifyClass, ULONG{RegNtPreOpenKeyEx});
    EXPECT_EQ(seen_[0].complete, u"Link\\Below");
    EXPECT_EQ(seen_[0].root, root.object());
    EXPECT_EQ(seen_[1].status, STATUS_REPARSE);
    EXPECT_EQ(seen_[2].complete, kScratch + u"\\Target\\Below");
    EXPECT_EQ(seen_[2].remaining, u"MACHINE\\SOFTWARE\\CmTest\\Target\\Below");
    Key registry = Key::open(u"\\REGISTRY");
    EXPECT_NE(seen_[2].root, root.object());
    EXPECT_EQ(seen_[3].status, STATUS_SUCCESS);
    EXPECT_EQ(seen_[3].object, opened.object());
    for (Key *key : {&made, &below, &target, &root}) {
        EXPECT_EQ(key->remove(), STATUS_SUCCESS);
    }
}

TEST_F(CmLink, TheObjectOfAReparsedPostIsPoisoned) {
    watch();
    Key first = Key::open(u"\\REGISTRY\\MACHINE\\SYSTEM\\CurrentControlSet");
    Key second = Key::open(u"\\REGISTRY\\MACHINE\\SYSTEM\\CurrentControlSet");
    filter_.reset();
    ASSERT_EQ(seen_.size(), 8u);
    EXPECT_NE(seen_[1].object, nullptr);
    EXPECT_NE(seen_[1].object, first.object());
    // Unique, so that a use can be traced to the notification.
    EXPECT_NE(seen_[1].object, seen_[5].object);
}

using CmLinkDeath = CmLink;

TEST_F(CmLinkDeath, UsingTheObjectOfAReparsedPostIsReported) {
    Filter filter('f', u"385100", nullptr, {RegNtPostOpenKeyEx}, [&](ULONG, void *information) {
        if (post(information)->Status == STATUS_REPARSE) {
            PCUNICODE_STRING name;
            LARGE_INTEGER cookie{};
            CmCallbackGetKeyObjectIDEx(&cookie, post(information)->Object, nullptr, &name, 0);
        }
        return STATUS_SUCCESS;
    });
    setOptions([](CM_OPTIONS &options) { options.Strict = TRUE; });
    EXPECT_DEATH(Key::open(u"\\REGISTRY\\MACHINE\\SYSTEM\\CurrentControlSet"), "STOP: 0x000000C4");
}

TEST_F(CmLink, TheControlSetInUseIsOne) {
    Key key = Key::open(u"\\REGISTRY\\MACHINE\\SYSTEM\\CurrentControlSet\\Services");
    EXPECT_EQ(key.name(), u"\\REGISTRY\\MACHINE\\SYSTEM\\ControlSet001\\Services");
    Key link = Key::openAs(u"\\REGISTRY\\MACHINE\\SYSTEM\\CurrentControlSet",
                           {.attributes = OBJ_CASE_INSENSITIVE | OBJ_OPENLINK});
    EXPECT_EQ(link.name(), u"\\REGISTRY\\MACHINE\\SYSTEM\\CurrentControlSet");
    EXPECT_EQ(flags(link), 3u);
}

TEST_F(CmLink, TheClassesOfAUserAreOne) {
    const std::u16string user = u"\\REGISTRY\\USER\\S-1-5-21-3623811015-3361044348-30300820-1013";
    EXPECT_EQ(Key::open(user + u"\\Software\\Classes\\CLSID").name(), user + u"_Classes\\CLSID");
}

TEST_F(CmLink, CanLeadToAnother) {
    Key root = scratch();
    Key second = link(root, u"Second", kSoftware), first = link(root, u"First", kScratch + u"\\Second");
    watch();
    Key opened = Key::open(kScratch + u"\\First\\Microsoft", KEY_READ);
    filter_.reset();
    EXPECT_EQ(opened.name(), u"\\REGISTRY\\MACHINE\\SOFTWARE\\Microsoft");
    ASSERT_EQ(seen_.size(), 6u);
    EXPECT_EQ(seen_[1].status, STATUS_REPARSE);
    EXPECT_EQ(seen_[2].complete, kScratch + u"\\Second\\Microsoft");
    EXPECT_EQ(seen_[3].status, STATUS_REPARSE);
    EXPECT_EQ(seen_[4].complete, u"\\REGISTRY\\MACHINE\\SOFTWARE\\Microsoft");
    EXPECT_EQ(seen_[5].status, STATUS_SUCCESS);
    for (Key *key : {&first, &second, &root}) {
        EXPECT_EQ(key->remove(), STATUS_SUCCESS);
    }
}

TEST_F(CmLink, ALoopEndsAfter64Hops) {
    Key root = scratch(), loop = link(root, u"Loop", kScratch + u"\\Loop");
    watch();
    EXPECT_EQ(Key::open(kScratch + u"\\Loop").status, STATUS_INVALID_PARAMETER);
    filter_.reset();
    EXPECT_EQ(seen_.size(), 2u * 65);
    for (Key *key : {&loop, &root}) {
        EXPECT_EQ(key->remove(), STATUS_SUCCESS);
    }
}

TEST_F(CmLink, ANameThatGrowsTooLongEndsALoop) {
    Key root = scratch();
    const std::u16string long1 = u"\\" + std::u16string(255, u'x');
    std::u16string target = kScratch + u"\\Loop";
    for (int i = 0; i < 60; i++) {
        target += long1;
    }
    Key loop = link(root, u"Loop", target);
    EXPECT_EQ(Key::open(kScratch + u"\\Loop").status, STATUS_NAME_TOO_LONG);
    for (Key *key : {&loop, &root}) {
        EXPECT_EQ(key->remove(), STATUS_SUCCESS);
    }
}

TEST_F(CmLink, IsOpenedItselfOnRequest) {
    Key root = scratch(), made = link(root, u"Link", kSoftware);
    Key byAttribute = Key::openAs(u"Link", {.root = root.get(), .attributes = OBJ_OPENLINK}),
        byOption = Key::openAs(u"Link", {.root = root.get(), .options = REG_OPTION_OPEN_LINK}),
        through = Key::open(u"Link", KEY_READ, root.get());
    EXPECT_EQ(byAttribute.name(), kScratch + u"\\Link");
    EXPECT_EQ(byOption.name(), kScratch + u"\\Link");
    EXPECT_EQ(through.name(), kSoftware);
    EXPECT_EQ(flags(byAttribute), 3u);
    EXPECT_EQ(flags(through), 0u);
    // Not the last component: followed all the same.
    Key below = Key::openAs(u"Link\\Microsoft", {.root = root.get(), .attributes = OBJ_OPENLINK});
    EXPECT_EQ(below.name(), u"\\REGISTRY\\MACHINE\\SOFTWARE\\Microsoft");
    // From the link itself, too.
    Key again = Key::openAs(u"", {.root = byAttribute.get(), .attributes = OBJ_OPENLINK}),
        followed = Key::open(u"Microsoft", KEY_READ, byAttribute.get());
    EXPECT_EQ(again.name(), kScratch + u"\\Link");
    EXPECT_EQ(followed.name(), u"\\REGISTRY\\MACHINE\\SOFTWARE\\Microsoft");
    for (Key *key : {&made, &root}) {
        EXPECT_EQ(key->remove(), STATUS_SUCCESS);
    }
}

TEST_F(CmLink, HasNoValueButItsTarget) {
    Key root = scratch(), made = link(root, u"Link", kSoftware);
    EXPECT_EQ(made.set(u"v", 1), STATUS_ACCESS_DENIED);
    EXPECT_EQ(made.set(u"SymbolicLinkValue", 1), STATUS_ACCESS_DENIED);
    // A key that is no link may have a value of that name and type.
    EXPECT_EQ(root.setLink(kSoftware), STATUS_SUCCESS);
    EXPECT_EQ(Key::open(kScratch).name(), kScratch);
    for (Key *key : {&made, &root}) {
        EXPECT_EQ(key->remove(), STATUS_SUCCESS);
    }
}

TEST_F(CmLink, WithoutAUsableTargetLeadsNowhere) {
    Key root = scratch(), made = Key::create(u"Link", root.get(), REG_OPTION_CREATE_LINK | REG_OPTION_VOLATILE);
    auto open = [&] { return Key::open(u"Link", KEY_READ, root.get()).status; };
    EXPECT_EQ(open(), STATUS_OBJECT_NAME_NOT_FOUND); // no value yet
    made.setLink(kScratch + u"\\Missing");
    EXPECT_EQ(open(), STATUS_OBJECT_NAME_NOT_FOUND);
    made.setLink(kScratch + std::u16string(1, u'\0'));
    EXPECT_EQ(open(), STATUS_OBJECT_NAME_NOT_FOUND); // the terminator belongs to the name
    made.setLink(u"Relative");
    EXPECT_EQ(open(), STATUS_OBJECT_NAME_INVALID);
    made.setLink(u"\\Device\\Null");
    EXPECT_EQ(open(), STATUS_OBJECT_PATH_NOT_FOUND);
    made.setLink(u"\\REGISTRY\\A\\{1}");
    EXPECT_EQ(open(), STATUS_ACCESS_DENIED);
    for (Key *key : {&made, &root}) {
        EXPECT_EQ(key->remove(), STATUS_SUCCESS);
    }
}

TEST_F(CmLink, CannotBeMadeInThePlaceOfAKey) {
    Key root = scratch(), made = link(root, u"Link", kSoftware);
    EXPECT_EQ(Key::create(u"Link", root.get(), REG_OPTION_CREATE_LINK).status, STATUS_OBJECT_NAME_COLLISION);
    EXPECT_EQ(Key::create(u"CmTest", Key::open(kSoftware).get(), REG_OPTION_CREATE_LINK).status,
              STATUS_OBJECT_NAME_COLLISION);
    for (Key *key : {&made, &root}) {
        EXPECT_EQ(key->remove(), STATUS_SUCCESS);
    }
}

TEST_F(CmLink, CreatingThroughOneMakesTheTarget) {
    Key root = scratch(), made = link(root, u"Link", kScratch + u"\\Target");
    watch();
    ULONG disposition = 0;
    Key created = Key::create(u"Link", root.get(), REG_OPTION_VOLATILE, &disposition);
    filter_.reset();
    ASSERT_EQ(created.status, STATUS_SUCCESS);
    EXPECT_EQ(disposition, ULONG{REG_CREATED_NEW_KEY});
    EXPECT_EQ(created.name(), kScratch + u"\\Target");
    ASSERT_EQ(seen_.size(), 4u);
    EXPECT_EQ(seen_[0].notifyClass, ULONG{RegNtPreCreateKeyEx});
    EXPECT_EQ(seen_[1].status, STATUS_REPARSE);
    EXPECT_EQ(seen_[2].notifyClass, ULONG{RegNtPreCreateKeyEx});
    EXPECT_EQ(seen_[3].status, STATUS_SUCCESS);
    for (Key *key : {&created, &made, &root}) {
        EXPECT_EQ(key->remove(), STATUS_SUCCESS);
    }
}

TEST_F(CmLink, AHopCanBeBlocked) {
    watch([](ULONG notifyClass, void *information) -> NTSTATUS {
        if (notifyClass != RegNtPreOpenKeyEx) {
            return STATUS_SUCCESS;
        }
        auto name = text(static_cast<REG_OPEN_KEY_INFORMATION_V1 *>(information)->CompleteName);
        return name.find(u"ControlSet001") != std::u16string::npos ? STATUS_ACCESS_DENIED : STATUS_SUCCESS;
    });
    EXPECT_EQ(Key::open(u"\\REGISTRY\\MACHINE\\SYSTEM\\CurrentControlSet").status, STATUS_ACCESS_DENIED);
    EXPECT_EQ(seen_.size(), 3u);
    filter_.reset();
}

TEST_F(CmLink, AReparseCanBeOverridden) {
    watch([](ULONG notifyClass, void *information) -> NTSTATUS {
        if (notifyClass != RegNtPostOpenKeyEx || post(information)->Status != STATUS_REPARSE) {
            return STATUS_SUCCESS;
        }
        post(information)->ReturnStatus = STATUS_ACCESS_DENIED;
        return STATUS_CALLBACK_BYPASS;
    });
    EXPECT_EQ(Key::open(u"\\REGISTRY\\MACHINE\\SYSTEM\\CurrentControlSet").status, STATUS_ACCESS_DENIED);
    EXPECT_EQ(seen_.size(), 2u);
    filter_.reset();
}

TEST_F(CmLink, CanBeForbiddenOnTheWay) {
    watch();
    EXPECT_EQ(Key::openAs(u"\\REGISTRY\\MACHINE\\SYSTEM\\CurrentControlSet",
                          {.attributes = OBJ_CASE_INSENSITIVE | OBJ_DONT_REPARSE})
                  .status,
              STATUS_REPARSE_POINT_ENCOUNTERED);
    ASSERT_EQ(seen_.size(), 2u);
    EXPECT_EQ(seen_[1].status, STATUS_REPARSE);
    filter_.reset();
    EXPECT_EQ(Key::openAs(u"\\REGISTRY\\MACHINE\\SYSTEM\\ControlSet001",
                          {.attributes = OBJ_CASE_INSENSITIVE | OBJ_DONT_REPARSE})
                  .status,
              STATUS_SUCCESS);
}

TEST_F(CmLink, RunningOutOfMemoryOnTheWayLeavesNothing) {
    for (ULONG nth = 1;; nth++) {
        CmFailAllocation(nth);
        Key key = Key::open(u"\\REGISTRY\\MACHINE\\SYSTEM\\CurrentControlSet\\Services");
        CmFailAllocation(0);
        if (key.status == STATUS_SUCCESS) {
            EXPECT_GT(nth, 5u);
            break;
        }
        ASSERT_EQ(key.status, STATUS_INSUFFICIENT_RESOURCES) << nth;
        ASSERT_EQ(statistics().KeyObjects, 0u);
    }
}

TEST_F(CmLink, ApplicationHivesAreNotReachedByName) {
    watch();
    EXPECT_EQ(Key::open(u"\\REGISTRY\\A").status, STATUS_ACCESS_DENIED);
    EXPECT_EQ(Key::open(u"\\registry\\a\\{00000000-0000-0000-0000-000000000001}").status, STATUS_ACCESS_DENIED);
    EXPECT_TRUE(seen_.empty());
    Key registry = Key::open(u"\\REGISTRY");
    seen_.clear();
    EXPECT_EQ(Key::open(u"A\\{1}", KEY_READ, registry.get()).status, STATUS_ACCESS_DENIED);
    EXPECT_TRUE(seen_.empty());
    filter_.reset();
}

} // namespace
