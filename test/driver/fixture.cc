// SPDX-License-Identifier: MIT

#include "fixture.h"

#include <atomic>
#include <chrono>
#include <future>

namespace cmbridge::test {

using simulator::IoResult;
using simulator::Machine;

std::unique_ptr<simulator::File> Client::open() {
    std::unique_ptr<simulator::File> file;
    EXPECT_EQ(Machine::shared()->openFile(u"\\??\\CmBridge", &file), STATUS_SUCCESS);
    return file;
}

Client::Client(uint32_t queueBytes, uint32_t queueRecords, uint32_t maxHeld) : file_(open()) {
    CMB_HELLO_REQUEST request{};
    request.Header = {sizeof(request), CMB_STRUCTURE_VERSION, 0};
    request.ProtocolMajor = CMB_PROTOCOL_MAJOR;
    request.ProtocolMinor = CMB_PROTOCOL_MINOR;
    request.QueueBytes = queueBytes;
    request.QueueRecords = queueRecords;
    request.MaxHeld = maxHeld;
    IoResult result = file_->control(CMB_IOCTL_HELLO, bytesOf(request), std::as_writable_bytes(std::span(&limits_, 1)));
    EXPECT_EQ(result.status, STATUS_SUCCESS);
    EXPECT_EQ(result.information, sizeof(limits_));
    EXPECT_EQ(limits_.Status, STATUS_SUCCESS);
}

IoResult registerRaw(simulator::File &file, std::u16string_view altitude, CMB_REGISTER_REPLY &reply, uint64_t mask,
                     uint32_t maxData, uint32_t options, uint32_t rate, uint32_t burst) {
    CMB_REGISTER_REQUEST request{};
    const size_t size = altitude.size() * sizeof(char16_t);
    request.Header = {static_cast<UINT32>(sizeof(request) + size), CMB_STRUCTURE_VERSION, 0};
    request.ClassMask = mask;
    request.MaxDataBytes = maxData;
    request.Options = options;
    request.RateLimit = rate;
    request.RateBurst = burst;
    request.AltitudeSize = static_cast<UINT16>(size);
    Bytes input(sizeof(request) + size);
    std::memcpy(input.data(), &request, sizeof(request));
    std::memcpy(input.data() + sizeof(request), altitude.data(), size);
    return file.control(CMB_IOCTL_REGISTER, input, std::as_writable_bytes(std::span(&reply, 1)));
}

CMB_REGISTER_REPLY Client::tryAdd(std::u16string_view altitude, uint64_t mask, uint32_t maxData, uint32_t options) {
    CMB_REGISTER_REPLY reply{};
    IoResult result = registerRaw(*file_, altitude, reply, mask, maxData, options);
    EXPECT_EQ(result.status, STATUS_SUCCESS);
    EXPECT_EQ(result.information, sizeof(reply));
    EXPECT_EQ(reply.Header.Size, sizeof(reply));
    return reply;
}

int64_t Client::add(std::u16string_view altitude, uint64_t mask, uint32_t maxData, uint32_t options) {
    CMB_REGISTER_REPLY reply = tryAdd(altitude, mask, maxData, options);
    EXPECT_EQ(reply.Status, STATUS_SUCCESS);
    EXPECT_NE(reply.Cookie, 0);
    return reply.Cookie;
}

int64_t Client::addLimited(std::u16string_view altitude, uint64_t mask, uint32_t rate, uint32_t burst) {
    CMB_REGISTER_REPLY reply{};
    IoResult result = registerRaw(*file_, altitude, reply, mask, 4096, 0, rate, burst);
    EXPECT_EQ(result.status, STATUS_SUCCESS);
    EXPECT_EQ(reply.Status, STATUS_SUCCESS);
    return reply.Cookie;
}

NTSTATUS Client::remove(int64_t cookie) {
    CMB_UNREGISTER_REQUEST request{{sizeof(request), CMB_STRUCTURE_VERSION, 0}, cookie};
    CMB_UNREGISTER_REPLY reply{};
    IoResult result =
        file_->control(CMB_IOCTL_UNREGISTER, bytesOf(request), std::as_writable_bytes(std::span(&reply, 1)));
    EXPECT_EQ(result.status, STATUS_SUCCESS);
    EXPECT_EQ(result.information, sizeof(reply));
    return reply.Status;
}

CMB_STATISTICS_REPLY Client::statistics(uint32_t scope, int64_t cookie) {
    CMB_STATISTICS_REQUEST request{{sizeof(request), CMB_STRUCTURE_VERSION, 0}, scope, 0, cookie};
    CMB_STATISTICS_REPLY reply{};
    IoResult result =
        file_->control(CMB_IOCTL_STATISTICS, bytesOf(request), std::as_writable_bytes(std::span(&reply, 1)));
    EXPECT_EQ(result.status, STATUS_SUCCESS);
    EXPECT_EQ(result.information, sizeof(reply));
    EXPECT_EQ(reply.Scope, scope);
    EXPECT_EQ(reply.Callbacks, reply.Recorded + reply.Coalesced + reply.Lost);
    EXPECT_EQ(reply.Lost, reply.LostQueueFull + reply.LostNoMemory + reply.LostCaptureFault + reply.LostRateLimit);
    return reply;
}

bool Client::receiveAll(uint32_t size, std::vector<Record> &notifications) {
    // Eight-byte aligned, as a client's buffers are.
    std::vector<uint64_t> output(size / 8);
    auto bytes = std::as_writable_bytes(std::span(output));
    std::promise<IoResult> promise;
    std::future<IoResult> future = promise.get_future();
    file_->controlAsync(CMB_IOCTL_RECEIVE, {}, bytes, [&](IoResult result) { promise.set_value(result); });
    if (future.wait_for(std::chrono::seconds(10)) != std::future_status::ready) {
        ADD_FAILURE() << "no record came";
        file_->cancel();
    }
    IoResult result = future.get();
    EXPECT_EQ(result.status, STATUS_SUCCESS);
    if (result.status != STATUS_SUCCESS) {
        return false;
    }
    for (Record &record : parseBatch(bytes, result.information, &paths_)) {
        if (record.isProcess()) {
            described_[record->ProcessSlot] = record->ProcessKey;
            processes_.push_back(std::move(record));
            continue;
        }
        if (record.isBreaker()) {
            breakers_.push_back(std::move(record));
            continue;
        }
        account(record);
        EXPECT_EQ(record.isGap(), record->ProcessKey == 0);
        if (!record.isGap() && !allowUndescribed_) {
            EXPECT_EQ(described_[record->ProcessSlot], record->ProcessKey) << record->Sequence;
        }
        notifications.push_back(std::move(record));
    }
    return true;
}

// Numbers ascend; a gap lies between what else its registration has.
void Client::account(const Record &record) {
    uint64_t &latest = latestOf_[record->Cookie];
    EXPECT_GT(record->Sequence, latest);
    latest = record->Sequence;
    if (record.isGap()) {
        latest = record.body<CMB_BODY_GAP>().LastSequence;
    } else {
        EXPECT_GT(record->Sequence, latest_);
        latest_ = record->Sequence;
    }
    accounted_ += record.count();
}

std::vector<Record> Client::receive(uint32_t size) {
    std::vector<Record> notifications;
    while (receiveAll(size, notifications) && notifications.empty()) {
    }
    return notifications;
}

std::vector<Record> Client::drain(uint32_t size) {
    std::vector<Record> all;
    const uint64_t last = statistics().LastSequence;
    while (accounted_ < last) {
        std::vector<Record> records = receive(size);
        if (records.empty()) {
            break;
        }
        all.insert(all.end(), records.begin(), records.end());
    }
    return all;
}

UNICODE_STRING unicode(std::u16string &text) {
    const auto size = static_cast<USHORT>(text.size() * sizeof(char16_t));
    return {size, size, text.data()};
}

OBJECT_ATTRIBUTES attributes(UNICODE_STRING &name, HANDLE root) {
    OBJECT_ATTRIBUTES attributes;
    InitializeObjectAttributes(&attributes, &name, OBJ_CASE_INSENSITIVE, root, nullptr);
    return attributes;
}

Bytes pattern(size_t size, uint8_t seed) {
    Bytes bytes(size);
    for (size_t i = 0; i < size; ++i) {
        bytes[i] = static_cast<std::byte>(seed + i * 7);
    }
    return bytes;
}

Actor::Actor(std::u16string_view image) : Actor(simulator::ProcessOptions{.imagePath = std::u16string(image)}) {}

Actor::Actor(const simulator::ProcessOptions &options) : Actor(Machine::shared()->createProcess(options)) {}

Actor::Actor(std::shared_ptr<simulator::Process> process)
    : process_(std::move(process)), thread_(process_->createThread()) {}

HANDLE Actor::create(std::u16string path, HANDLE root, NTSTATUS expected) {
    HANDLE key = nullptr;
    run([&] {
        UNICODE_STRING name = unicode(path);
        OBJECT_ATTRIBUTES object = attributes(name, root);
        ULONG disposition = 0;
        EXPECT_EQ(NtCreateKey(&key, KEY_ALL_ACCESS, &object, 0, nullptr, REG_OPTION_NON_VOLATILE, &disposition),
                  expected);
    });
    return key;
}

HANDLE Actor::openKey(std::u16string path, HANDLE root, NTSTATUS expected) {
    HANDLE key = nullptr;
    run([&] {
        UNICODE_STRING name = unicode(path);
        OBJECT_ATTRIBUTES object = attributes(name, root);
        EXPECT_EQ(NtOpenKey(&key, KEY_ALL_ACCESS, &object), expected);
    });
    return key;
}

void Actor::setValue(HANDLE key, std::u16string name, uint32_t type, Bytes data) {
    run([&] {
        UNICODE_STRING value = unicode(name);
        EXPECT_EQ(NtSetValueKey(key, &value, 0, type, data.data(), static_cast<ULONG>(data.size())), STATUS_SUCCESS);
    });
}

void Actor::deleteValue(HANDLE key, std::u16string name, NTSTATUS expected) {
    run([&] {
        UNICODE_STRING value = unicode(name);
        EXPECT_EQ(NtDeleteValueKey(key, &value), expected);
    });
}

void Actor::rename(HANDLE key, std::u16string name) {
    run([&] {
        UNICODE_STRING value = unicode(name);
        EXPECT_EQ(NtRenameKey(key, &value), STATUS_SUCCESS);
    });
}

void Actor::deleteKey(HANDLE key) {
    run([&] { EXPECT_EQ(NtDeleteKey(key), STATUS_SUCCESS); });
}

void Actor::close(HANDLE key) {
    run([&] { EXPECT_EQ(NtClose(key), STATUS_SUCCESS); });
}

static PDRIVER_OBJECT rivalDriver;

static NTSTATUS rivalEntry(PDRIVER_OBJECT driver, PUNICODE_STRING) {
    driver->DriverUnload = [](PDRIVER_OBJECT) {};
    rivalDriver = driver;
    return STATUS_SUCCESS;
}

Rival::Rival(std::u16string altitude, Callback callback) : callback_(std::move(callback)) {
    UNICODE_STRING text = unicode(altitude);
    EXPECT_EQ(Machine::shared()->loadDriver(u"rival", rivalEntry), STATUS_SUCCESS);
    EXPECT_EQ(CmRegisterCallbackEx(notify, &text, rivalDriver, this, &cookie_, nullptr), STATUS_SUCCESS);
}

Rival::~Rival() {
    EXPECT_EQ(CmUnRegisterCallback(cookie_), STATUS_SUCCESS);
    EXPECT_EQ(Machine::shared()->unloadDriver(u"rival"), STATUS_SUCCESS);
}

NTSTATUS Rival::notify(PVOID context, PVOID notifyClass, PVOID information) {
    static_cast<Rival *>(context)->callback_(static_cast<ULONG>(reinterpret_cast<ULONG_PTR>(notifyClass)), information);
    return STATUS_SUCCESS;
}

void Gate::pass() {
    std::unique_lock lock(mutex_);
    arrived_ = true;
    changed_.notify_all();
    changed_.wait(lock, [this] { return open_; });
}

void Gate::awaitArrival() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return arrived_; });
}

void Gate::let() {
    std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
}

void DriverTest::SetUp() {
    static std::atomic<unsigned> counter;
    machine_ = Machine::shared();
    ASSERT_EQ(machine_->loadDriver(u"cmbridge", DriverEntry), STATUS_SUCCESS);
    std::string number = std::to_string(++counter);
    path_ = u"\\REGISTRY\\MACHINE\\SOFTWARE\\Driver" + std::u16string(number.begin(), number.end());
}

void DriverTest::TearDown() {
    machine_->failAllocation(0);
    machine_->failEachStackOnce(false);
    ASSERT_EQ(machine_->unloadDriver(u"cmbridge"), STATUS_SUCCESS);
    EXPECT_EQ(machine_->poolUsage().blocks, 0u);
    EXPECT_EQ(machine_->poolUsage().bytes, 0u);
    machine_.reset();
}

} // namespace cmbridge::test
