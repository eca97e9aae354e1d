// SPDX-License-Identifier: MIT
//
// CMB_IOCTL_REPLY: what is wrong with an answer is said, and who waits goes on waiting.

#include "test/driver/fixture/ask_fixture.h"

#include <random>

namespace cmbridge::test {
namespace {

using simulator::IoResult;

class Reply : public AskTest {
  protected:
    void SetUp() override {
        AskTest::SetUp();
        client_ = std::make_unique<Client>();
        actor_ = std::make_unique<Actor>();
        key_ = actor_->create(path());
        add(*client_, setting(), kAsk);
    }
    void TearDown() override {
        actor_->close(key_);
        client_.reset();
        actor_.reset();
        AskTest::TearDown();
    }
    Client &client() { return *client_; }
    // A set value that waits.
    uint64_t hold() {
        set_ = startSet(*actor_, key_);
        return question(*client_).decided().Ticket;
    }
    // The one before does not wait any more.
    uint64_t holdAnother() {
        set_.wait();
        client_->drain();
        return hold();
    }
    // It does until now, and not any longer.
    void let(uint64_t ticket, NTSTATUS expected = STATUS_SUCCESS) {
        EXPECT_EQ(decisions(*client_).Held, 1u);
        EXPECT_EQ(replyOne(*client_, {.ticket = ticket}), static_cast<UINT32>(CMB_REPLY_ACCEPTED));
        EXPECT_EQ(set_.get(), expected);
    }
    NTSTATUS send(const Bytes &input, size_t outputSize = 64) {
        Bytes output(outputSize);
        const IoResult result = client_->file().control(CMB_IOCTL_REPLY, input, output);
        EXPECT_TRUE(result.status == STATUS_SUCCESS || result.information == 0);
        return result.status;
    }
    template <typename T> static T &at(Bytes &bytes, size_t offset = 0) {
        return *reinterpret_cast<T *>(bytes.data() + offset);
    }
    static CMB_REPLY_ENTRY &entryOf(Bytes &bytes) { return at<CMB_REPLY_ENTRY>(bytes, sizeof(CMB_REPLY_REQUEST)); }
    static UINT32 resultOf(const Bytes &output) {
        UINT32 result = 0;
        std::memcpy(&result, output.data() + sizeof(CMB_REPLY_REPLY), sizeof(result));
        return result;
    }

  private:
    std::unique_ptr<Client> client_;
    std::unique_ptr<Actor> actor_;
    HANDLE key_ = nullptr;
    std::future<NTSTATUS> set_;
};

TEST_F(Reply, IsRefusedWhenMalformed) {
    const uint64_t ticket = hold();
    const Bytes good =
        encode({{.ticket = ticket, .decision = CMB_DECISION_REPLACE, .type = REG_SZ, .data = pattern(20)}});
    auto changed = [&](auto change) {
        Bytes input = good;
        change(at<CMB_REPLY_REQUEST>(input), entryOf(input));
        return send(input);
    };
    for (size_t size = 0; size < good.size(); ++size) {
        Bytes cut(good.begin(), good.begin() + static_cast<ptrdiff_t>(size));
        EXPECT_EQ(send(cut), STATUS_INFO_LENGTH_MISMATCH) << size;
        if (size >= sizeof(CMB_REPLY_REQUEST)) {
            at<CMB_REPLY_REQUEST>(cut).Header.Size = static_cast<UINT32>(size);
            EXPECT_EQ(send(cut), STATUS_INFO_LENGTH_MISMATCH) << size;
        }
    }
    EXPECT_EQ(changed([](auto &r, auto &) { r.Header.Version = 2; }), STATUS_REVISION_MISMATCH);
    EXPECT_EQ(changed([](auto &r, auto &) { r.Header.Flags = 1; }), STATUS_INVALID_PARAMETER);
    EXPECT_EQ(changed([](auto &r, auto &) { r.Header.Size += 8; }), STATUS_INFO_LENGTH_MISMATCH);
    EXPECT_EQ(changed([](auto &r, auto &) { r.Reserved = 1; }), STATUS_INVALID_PARAMETER);
    EXPECT_EQ(changed([](auto &, auto &e) { e.Reserved = 1; }), STATUS_INVALID_PARAMETER);
    for (UINT32 count : {0u, 2u, CMB_MAX_REPLY_ENTRIES + 0u}) {
        EXPECT_EQ(changed([=](auto &r, auto &) { r.Count = count; }), STATUS_INFO_LENGTH_MISMATCH) << count;
    }
    for (UINT32 count : {CMB_MAX_REPLY_ENTRIES + 1u, 0x80000000u, 0xFFFFFFFFu}) {
        EXPECT_EQ(changed([=](auto &r, auto &) { r.Count = count; }), STATUS_INVALID_PARAMETER) << count;
    }
    const auto size = static_cast<UINT32>(good.size() - sizeof(CMB_REPLY_REQUEST));
    for (UINT32 wrong : {0u, 8u, size - 8, size - 4, size + 8, 0x7FFFFFF8u, 0x80000000u, 0xFFFFFFF8u, 0xFFFFFFFFu}) {
        EXPECT_EQ(changed([=](auto &, auto &e) { e.Size = wrong; }), STATUS_INFO_LENGTH_MISMATCH) << wrong;
    }
    for (size_t output = 0; output < sizeof(CMB_REPLY_REPLY) + 8; ++output) {
        EXPECT_EQ(send(good, output), STATUS_BUFFER_TOO_SMALL) << output;
    }
    EXPECT_EQ(send(Bytes(CMB_MAX_REPLY_BYTES + 8)), STATUS_INFO_LENGTH_MISMATCH);
    // None of them was looked at.
    EXPECT_EQ(decisions(client()).RefusedReplies, 0u);
    EXPECT_EQ(reply(client(), {}), std::vector<UINT32>{});
    let(ticket);
}

TEST_F(Reply, IsRefusedWithSpansThatLieOutside) {
    const uint64_t ticket = hold();
    const Bytes good =
        encode({{.ticket = ticket, .decision = CMB_DECISION_REPLACE, .type = REG_SZ, .data = pattern(20)}});
    unsigned refused = 0;
    auto result = [&](auto change) {
        Bytes input = good;
        Bytes output(sizeof(CMB_REPLY_REPLY) + 8);
        change(entryOf(input).Data);
        EXPECT_EQ(client().file().control(CMB_IOCTL_REPLY, input, output).status, STATUS_SUCCESS);
        ++refused;
        return resultOf(output);
    };
    const auto bad = static_cast<UINT32>(CMB_REPLY_BAD_DATA);
    const UINT32 end = entryOf(const_cast<Bytes &>(good)).Size;
    for (UINT32 offset : {0u, 8u, UINT32{sizeof(CMB_REPLY_ENTRY)} - 8, UINT32{sizeof(CMB_REPLY_ENTRY)} + 1, end - 8,
                          end, end + 8, 0x7FFFFFF8u, 0xFFFFFFF8u, 0xFFFFFFFFu}) {
        EXPECT_EQ(result([=](auto &s) { s.Offset = offset; }), bad) << offset;
    }
    for (UINT32 size : {end, 0x7FFFFFFFu, 0x80000000u, 0xFFFFFFFFu, 0u - UINT32{sizeof(CMB_REPLY_ENTRY)}}) {
        EXPECT_EQ(result([=](auto &s) { s.Size = s.FullSize = size; }), bad) << size;
    }
    EXPECT_EQ(result([](auto &s) { s.FullSize = 21; }), bad);
    EXPECT_EQ(result([](auto &s) { s.FullSize = 0; }), bad);
    for (UINT32 flags : {0u, 2u, 3u, 4u, 8u, 0x80000001u}) {
        EXPECT_EQ(result([=](auto &s) { s.Flags = flags; }), bad) << flags;
    }
    EXPECT_EQ(decisions(client()).RefusedReplies, refused);
    let(ticket);
}

TEST_F(Reply, TellsWhatBecameOfEachEntry) {
    const uint64_t ticket = hold();
    Bytes large(CMB_MAX_DECISION_BYTES + 1);
    const std::vector<UINT32> results =
        reply(client(), {{.ticket = 0},
                         {.ticket = ticket, .decision = CMB_DECISION_NONE},
                         {.ticket = ticket, .decision = 9},
                         {.ticket = ticket, .decision = 0xFFFF},
                         {.ticket = ticket, .decision = CMB_DECISION_EMULATE},
                         {.ticket = ticket, .decision = CMB_DECISION_BLOCK},
                         {.ticket = ticket, .decision = CMB_DECISION_BLOCK, .status = STATUS_CALLBACK_BYPASS},
                         {.ticket = ticket, .flags = CMB_REPLY_OUTPUT},
                         {.ticket = ticket, .data = pattern(8)},
                         {.ticket = ticket, .decision = CMB_DECISION_REPLACE, .type = REG_BINARY, .data = large}});
    EXPECT_EQ(results, (std::vector<UINT32>{CMB_REPLY_UNKNOWN, CMB_REPLY_UNFIT, CMB_REPLY_UNFIT, CMB_REPLY_UNFIT,
                                            CMB_REPLY_UNFIT, CMB_REPLY_BAD_STATUS, CMB_REPLY_BAD_STATUS,
                                            CMB_REPLY_UNFIT, CMB_REPLY_BAD_DATA, CMB_REPLY_TOO_LARGE}));
    EXPECT_EQ(decisions(client()).RefusedReplies, results.size());
    let(ticket);
}

// The copy of the data is the only thing that takes memory.
TEST_F(Reply, TellsLackOfMemory) {
    const uint64_t ticket = hold();
    const Answer replace{.ticket = ticket, .decision = CMB_DECISION_REPLACE, .type = REG_BINARY, .data = pattern(20)};
    machine().failAllocation(1);
    EXPECT_EQ(replyOne(client(), replace), static_cast<UINT32>(CMB_REPLY_NO_MEMORY));
    machine().failAllocation(0);
    let(ticket);
}

TEST_F(Reply, TakesAsManyEntriesAsMayBe) {
    const uint64_t ticket = hold();
    std::vector<Answer> answers(CMB_MAX_REPLY_ENTRIES, {.ticket = ticket + 1});
    answers[CMB_MAX_REPLY_ENTRIES / 2].ticket = ticket;
    const std::vector<UINT32> results = reply(client(), answers);
    for (size_t i = 0; i < results.size(); ++i) {
        EXPECT_EQ(results[i], answers[i].ticket == ticket ? static_cast<UINT32>(CMB_REPLY_ACCEPTED)
                                                          : static_cast<UINT32>(CMB_REPLY_UNKNOWN));
    }
    EXPECT_EQ(decisions(client()).Answered, 1u);
}

// Whatever is sent, the driver takes it or says what is wrong, and does not touch what is not its own.
TEST_F(Reply, SurvivesMutatedRequests) {
    std::mt19937 random(11);
    uint64_t ticket = hold();
    for (int i = 0; i < 3000; ++i) {
        Bytes input =
            encode({{.ticket = ticket, .decision = CMB_DECISION_REPLACE, .type = REG_BINARY, .data = pattern(12)},
                    {.ticket = ticket, .decision = CMB_DECISION_BLOCK, .status = STATUS_ACCESS_DENIED}});
        for (unsigned change = random() % 4 + 1; change > 0; --change) {
            input[random() % input.size()] = static_cast<std::byte>(random() % 2 ? random() : random() % 2 * 0xFF);
        }
        input.resize(input.size() - (random() % 8 ? 0 : random() % input.size()));
        const NTSTATUS status = send(input);
        ASSERT_TRUE(status == STATUS_SUCCESS || status == STATUS_INFO_LENGTH_MISMATCH ||
                    status == STATUS_INVALID_PARAMETER || status == STATUS_REVISION_MISMATCH)
            << std::hex << status;
        if (decisions(client()).Held == 0) {
            ticket = holdAnother();
        }
    }
    let(ticket);
}

} // namespace
} // namespace cmbridge::test
