// SPDX-License-Identifier: MIT

#include "test/driver/decide/decision_keys.h"

namespace cmbridge::test {

void expectDenied(const Decider &decider) {
    const DECISION_RESULT result = decider.result();
    EXPECT_EQ(result.Return, STATUS_CALLBACK_BYPASS);
    EXPECT_EQ(result.Status, STATUS_ACCESS_DENIED);
    EXPECT_FALSE(result.Failed);
    EXPECT_EQ(result.Object, nullptr);
}

HANDLE zwCreate(std::u16string path) {
    UNICODE_STRING name = unicode(path);
    OBJECT_ATTRIBUTES object = attributes(name);
    object.Attributes |= OBJ_KERNEL_HANDLE;
    HANDLE handle = nullptr;
    EXPECT_EQ(ZwCreateKey(&handle, KEY_ALL_ACCESS, &object, 0, nullptr, 0, nullptr), STATUS_SUCCESS);
    return handle;
}

static NTSTATUS call(HANDLE *handle, ULONG *disposition, std::u16string &path, How &how) {
    UNICODE_STRING name = unicode(path), classText = unicode(how.className);
    UNICODE_STRING *className = how.rawClass ? how.rawClass : how.className.empty() ? nullptr : &classText;
    OBJECT_ATTRIBUTES object = attributes(name, how.root);
    object.Attributes = how.attributes;
    object.SecurityDescriptor = how.descriptor;
    if (how.create && how.transaction) {
        return NtCreateKeyTransacted(handle, how.access, &object, 0, className, how.options, how.transaction,
                                     disposition);
    }
    if (how.create) {
        return NtCreateKey(handle, how.access, &object, 0, className, how.options, disposition);
    }
    if (how.transaction) {
        return NtOpenKeyTransactedEx(handle, how.access, &object, how.options, how.transaction);
    }
    return NtOpenKeyEx(handle, how.access, &object, how.options);
}

static std::u16string nameBehind(HANDLE handle) {
    alignas(8) std::array<std::byte, 2048> buffer;
    ULONG size = 0;
    EXPECT_EQ(NtQueryObject(handle, ObjectNameInformation, buffer.data(), sizeof(buffer), &size), STATUS_SUCCESS);
    const UNICODE_STRING &name = reinterpret_cast<OBJECT_NAME_INFORMATION *>(buffer.data())->Name;
    return std::u16string(name.Buffer, name.Length / sizeof(WCHAR));
}

static std::u16string classBehind(HANDLE handle) {
    alignas(8) std::array<std::byte, 2048> buffer;
    ULONG size = 0;
    if (!NT_SUCCESS(NtQueryKey(handle, KeyNodeInformation, buffer.data(), sizeof(buffer), &size))) {
        return {};
    }
    const auto *node = reinterpret_cast<KEY_NODE_INFORMATION *>(buffer.data());
    if (node->ClassLength == 0) {
        return {};
    }
    return std::u16string(reinterpret_cast<char16_t *>(buffer.data() + node->ClassOffset),
                          node->ClassLength / sizeof(char16_t));
}

static ACCESS_MASK accessBehind(HANDLE handle) {
    PVOID object = nullptr;
    OBJECT_HANDLE_INFORMATION information{};
    EXPECT_EQ(ObReferenceObjectByHandle(handle, 0, *CmKeyObjectType, KernelMode, &object, &information),
              STATUS_SUCCESS);
    ObDereferenceObject(object);
    return information.GrantedAccess;
}

Opened DecisionKeysTest::open(Actor &by, std::u16string path, How how) {
    Opened opened;
    by.run([&] {
        HANDLE handle = nullptr;
        arm_(true);
        opened.status = call(&handle, &opened.disposition, path, how);
        arm_(false);
        if (opened.status != STATUS_SUCCESS) {
            EXPECT_EQ(handle, nullptr);
            return;
        }
        std::u16string text = u"Written";
        UNICODE_STRING valueName = unicode(text);
        opened.granted = accessBehind(handle);
        opened.name = nameBehind(handle);
        opened.className = classBehind(handle);
        opened.setStatus = NtSetValueKey(handle, &valueName, 0, REG_NONE, nullptr, 0);
        EXPECT_EQ(NtClose(handle), STATUS_SUCCESS);
    });
    return opened;
}

HANDLE DecisionKeysTest::keep(Actor &by, std::u16string path, How how) {
    HANDLE handle = nullptr;
    by.run([&] {
        ULONG disposition = 0;
        EXPECT_EQ(call(&handle, &disposition, path, how), STATUS_SUCCESS);
    });
    return handle;
}

std::u16string DecisionKeysTest::nameOf(Actor &by, HANDLE key) {
    std::u16string name;
    by.run([&] { name = nameBehind(key); });
    return name;
}

Actor &DecisionKeysTest::limited() {
    if (!limited_) {
        limited_ = std::make_unique<Actor>(simulator::ProcessOptions{.imagePath = u"C:\\limited.exe", .token = {}});
    }
    return *limited_;
}

void DecisionKeysTest::makeLink(std::u16string path, std::u16string target) {
    const HANDLE link = keep(actor(), std::move(path), {.create = true, .options = REG_OPTION_CREATE_LINK});
    actor().setValue(link, u"SymbolicLinkValue", REG_LINK, textBytes(target));
    actor().close(link);
}

void DecisionKeysTest::remove(std::u16string path) {
    actor().run([&] {
        UNICODE_STRING name = unicode(path);
        OBJECT_ATTRIBUTES object = attributes(name);
        HANDLE handle = nullptr;
        if (NT_SUCCESS(NtOpenKey(&handle, DELETE, &object))) {
            EXPECT_EQ(NtDeleteKey(handle), STATUS_SUCCESS);
            EXPECT_EQ(NtClose(handle), STATUS_SUCCESS);
        }
    });
}

unsigned DecisionKeysTest::failWhileOpening(const std::function<void()> &operation) {
    // More than the configuration manager makes for any of these operations: those beyond do no harm.
    constexpr unsigned kRuns = 60;
    unsigned failures = 0;
    for (uint64_t before = ~0ULL; before != machine().failedAllocations(); ++failures) {
        before = machine().failedAllocations();
        arm_ = [&, nth = failures + 1](bool on) { machine().failAllocation(on ? nth : 0); };
        operation();
    }
    for (unsigned nth = 1; nth <= kRuns; ++nth) {
        arm_ = [nth](bool on) { CmFailAllocation(on ? nth : 0); };
        operation();
    }
    arm_ = [](bool) {};
    return failures - 1;
}

ULONG DecisionKeysTest::liveObjects() {
    CM_STATISTICS statistics;
    CmGetStatistics(&statistics);
    return statistics.KeyObjects;
}

} // namespace cmbridge::test
