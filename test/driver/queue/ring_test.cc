// SPDX-License-Identifier: MIT
//
// The ring against a model: whatever is handed out, given up, claimed and retired in which order.

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <deque>
#include <random>
#include <vector>

extern "C" {
#include "driver/queue/ring.h"
}

namespace cmbridge::test {
namespace {

class Ring : public testing::Test {
  protected:
    struct Slot {
        RING_SLOT *slot;
        UINT64 start;
        uint8_t fill;
    };

    explicit Ring(ULONG capacity = 4096) : memory_(capacity / 8) {
        ring_.Bytes = reinterpret_cast<UCHAR *>(memory_.data());
        ring_.Capacity = capacity;
    }

    bool append(ULONG content) {
        const ULONG size = RING_SLOT_SIZE(content);
        if (!RingHasRoom(&ring_, &size, 1)) {
            return false;
        }
        Slot slot{nullptr, 0, static_cast<uint8_t>(++appended_)};
        slot.slot = RingAppend(&ring_, size, 1, &slot.start);
        std::memset(slot.slot + 1, slot.fill, size - sizeof(RING_SLOT));
        model_.push_back(slot);
        return true;
    }
    // Every slot of the model is whole, in the ring and in its order.
    void check() {
        ULONG position = ring_.Head;
        size_t found = 0;
        for (ULONG left = ring_.Used; left;) {
            RING_SLOT *slot = RingSlotAt(&ring_, position);
            ASSERT_LE(slot->Size, left);
            if (slot->State != RingPadding) {
                ASSERT_LT(found, model_.size());
                ASSERT_EQ(slot, model_[found].slot);
                const auto *content = reinterpret_cast<const uint8_t *>(slot + 1);
                for (size_t i = 0; i < slot->Size - sizeof(RING_SLOT); ++i) {
                    ASSERT_EQ(content[i], model_[found].fill);
                }
                ASSERT_EQ(RingIsWaiting(&ring_, model_[found].start), position_offset(position) >= ring_.Claimed);
                ++found;
            }
            left -= slot->Size;
            position = RingNext(&ring_, position, slot->Size);
        }
        ASSERT_EQ(found, model_.size());
        ASSERT_EQ(position, ring_.Used ? ring_.Tail : position);
        ASSERT_LE(ring_.Used, ring_.Capacity);
        ASSERT_EQ(RingOldest(&ring_), model_.empty() ? nullptr : model_.front().slot);
    }
    ULONG position_offset(ULONG position) const { return (position + ring_.Capacity - ring_.Head) % ring_.Capacity; }
    void giveUp(size_t index) {
        RingGiveUp(&ring_, model_[index].slot);
        model_.erase(model_.begin() + static_cast<ptrdiff_t>(index));
    }

    std::vector<uint64_t> memory_;
    RING ring_{};
    std::deque<Slot> model_;
    unsigned appended_ = 0;
};

TEST_F(Ring, FreesWhatIsGivenUpAtItsEnd) {
    ASSERT_TRUE(append(100) && append(200) && append(300));
    const ULONG used = ring_.Used;
    ASSERT_TRUE(append(400));
    giveUp(3);
    EXPECT_EQ(ring_.Used, used);
    // In the middle it waits for those behind it.
    giveUp(1);
    EXPECT_EQ(ring_.Used, used);
    giveUp(1);
    EXPECT_EQ(ring_.Used, static_cast<ULONG>(RING_SLOT_SIZE(100)));
    check();
    giveUp(0);
    EXPECT_EQ(ring_.Used, 0u);
    EXPECT_EQ(RingOldest(&ring_), nullptr);
}

TEST_F(Ring, KeepsWhatIsClaimed) {
    ASSERT_TRUE(append(100) && append(200));
    const ULONG used = RingClaim(&ring_, 4096);
    EXPECT_EQ(used, ring_.Used);
    giveUp(1);
    EXPECT_EQ(ring_.Used, used);
    EXPECT_FALSE(RingIsWaiting(&ring_, model_[0].start));
    ASSERT_TRUE(append(50));
    EXPECT_TRUE(RingIsWaiting(&ring_, model_[1].start));
    giveUp(1);
    EXPECT_EQ(ring_.Used, used);
    RingUnclaim(&ring_);
    EXPECT_EQ(ring_.Used, static_cast<ULONG>(RING_SLOT_SIZE(100)));
    check();
}

// A claim ends inside a slot: it is the consumer's, the one behind it is not.
TEST_F(Ring, BoundsAClaim) {
    ASSERT_TRUE(append(100) && append(200) && append(300));
    EXPECT_EQ(RingClaim(&ring_, RING_SLOT_SIZE(100) + 1), RING_SLOT_SIZE(100) + 1);
    EXPECT_FALSE(RingIsWaiting(&ring_, model_[1].start));
    EXPECT_TRUE(RingIsWaiting(&ring_, model_[2].start));
    giveUp(2);
    const ULONG used = ring_.Used;
    EXPECT_EQ(used, static_cast<ULONG>(RING_SLOT_SIZE(100) + RING_SLOT_SIZE(200)));
    giveUp(1);
    EXPECT_EQ(ring_.Used, used);
    RingUnclaim(&ring_);
    check();
}

TEST_F(Ring, DoesAsItsModel) {
    std::mt19937 random(11);
    unsigned refused = 0;
    for (int step = 0; step < 50000; ++step) {
        switch (random() % 8) {
        case 0:
        case 1:
        case 2:
            refused += !append(random() % (random() % 5 ? 100 : 1500));
            break;
        case 3:
        case 4: {
            const size_t index = model_.empty() ? 0 : random() % model_.size();
            if (!model_.empty() && model_[index].slot->State == RingDraft) {
                WriteRelease(&model_[index].slot->State, RingCommitted);
            }
            break;
        }
        case 5: {
            const size_t index = model_.empty() ? 0 : random() % model_.size();
            if (!model_.empty() && model_[index].slot->State == RingDraft) {
                giveUp(index);
            }
            break;
        }
        default: {
            // A consumer that takes some of what it claimed.
            RingClaim(&ring_, random() % 2 ? random() % 600 : 4096);
            check();
            for (unsigned count = random() % 8; count && ring_.Claimed; --count) {
                const RING_SLOT *oldest = RingSlotAt(&ring_, ring_.Head);
                if (oldest->State == RingDraft) {
                    break;
                }
                if (oldest->State == RingCommitted) {
                    const UINT64 start = model_.front().start;
                    model_.pop_front();
                    RingRetire(&ring_);
                    EXPECT_FALSE(RingIsWaiting(&ring_, start));
                } else {
                    RingRetire(&ring_);
                }
            }
            RingUnclaim(&ring_);
            break;
        }
        }
        check();
        if (HasFatalFailure()) {
            return;
        }
    }
    EXPECT_GT(refused, 100u);
    EXPECT_GT(appended_, 5000u);
}

} // namespace
} // namespace cmbridge::test
