// SPDX-License-Identifier: MIT

#include <atomic>
#include <thread>

#include "cm_fixture.h"

using namespace cm_test;

namespace {

class CmRace : public CmTest {};

// One registration that proves, from inside, what holds for any interleaving.
struct Witness {
    LARGE_INTEGER cookie{};
    std::atomic<bool> gone{false};
    std::atomic<int> inFlight{0}, pres{0}, posts{0}, attached{0}, cleaned{0};

    static NTSTATUS entry(PVOID context, PVOID first, PVOID second) {
        auto self = static_cast<Witness *>(context);
        EXPECT_FALSE(self->gone);
        auto notifyClass = static_cast<ULONG>(reinterpret_cast<ULONG_PTR>(first));
        if (notifyClass == RegNtCallbackObjectContextCleanup) {
            EXPECT_EQ(static_cast<REG_CALLBACK_CONTEXT_CLEANUP_INFORMATION *>(second)->ObjectContext, self);
            self->cleaned++;
        } else if (isPost(notifyClass)) {
            self->posts++;
            self->inFlight--;
            if (notifyClass == RegNtPostOpenKeyEx && post(second)->Status == STATUS_SUCCESS) {
                PVOID old = nullptr;
                EXPECT_EQ(CmSetCallbackObjectContext(post(second)->Object, &self->cookie, self, &old), STATUS_SUCCESS);
                EXPECT_EQ(old, nullptr);
                self->attached++;
            }
        } else {
            self->pres++;
            self->inFlight++;
            if (notifyClass == RegNtPreSetValueKey) {
                PCUNICODE_STRING name = nullptr;
                auto info = static_cast<REG_SET_VALUE_KEY_INFORMATION *>(second);
                if (NT_SUCCESS(CmCallbackGetKeyObjectIDEx(&self->cookie, info->Object, nullptr, &name, 0))) {
                    CmCallbackReleaseKeyObjectIDEx(name);
                }
            }
        }
        return STATUS_SUCCESS;
    }
};

void operate(const std::atomic<bool> &stop, int number) {
    std::u16string name = u"Race" + std::u16string(1, static_cast<char16_t>(u'0' + number % 2));
    while (!stop) {
        Key software = Key::open(kSoftware);
        Key key = Key::create(name, software.get(), REG_OPTION_VOLATILE);
        key.set(u"v", 1);
        ULONG value;
        key.query(u"v", &value);
        Key again = Key::open(name, KEY_ALL_ACCESS, software.get());
        again.remove(u"v");
        NtDeleteKey(key.get());
    }
}

TEST_F(CmRace, RegistrationsComeAndGoWhileFourThreadsOperate) {
    std::atomic<bool> stop{false};
    auto process = machine_->createProcess({.imagePath = u"C:\\Windows\\busy.exe"});
    std::vector<std::shared_ptr<simulator::Thread>> threads;
    for (int i = 0; i < 4; i++) {
        threads.push_back(process->createThread());
        threads.back()->post([&stop, i] { operate(stop, i); });
    }
    auto cycle = [](std::u16string_view altitude, int rounds) {
        for (int i = 0; i < rounds; i++) {
            Witness witness;
            UNICODE_STRING string = text(altitude);
            ASSERT_EQ(CmRegisterCallbackEx(&Witness::entry, &string, &witness, &witness, &witness.cookie, nullptr),
                      STATUS_SUCCESS);
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
            ASSERT_EQ(CmUnRegisterCallback(witness.cookie), STATUS_SUCCESS);
            witness.gone = true;
            EXPECT_EQ(witness.inFlight, 0);
            EXPECT_EQ(witness.pres, witness.posts);
            EXPECT_EQ(witness.attached, witness.cleaned);
        }
    };
    std::thread first([&] { cycle(u"385100", 150); }), second([&] { cycle(u"385100.5", 150); });
    first.join();
    second.join();
    stop = true;
    threads.clear();
    EXPECT_EQ(statistics().Registrations, 0u);
    EXPECT_EQ(statistics().KeyObjects, 0u);
}

TEST_F(CmRace, OnlyOneOfTwoUnregistersSucceeds) {
    for (int i = 0; i < 50; i++) {
        Filter filter('f', u"385100", nullptr, {});
        std::atomic<int> succeeded{0}, refused{0};
        auto attempt = [&, cookie = filter.cookie] {
            NTSTATUS status = CmUnRegisterCallback(cookie);
            (status == STATUS_SUCCESS ? succeeded : refused)++;
        };
        std::thread one(attempt), two(attempt);
        one.join();
        two.join();
        filter.status = STATUS_UNSUCCESSFUL;
        EXPECT_EQ(succeeded, 1);
        EXPECT_EQ(refused, 1);
    }
}

} // namespace
