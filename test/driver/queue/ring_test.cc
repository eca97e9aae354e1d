// SPDX-License-Identifier: MIT
//
// The ring against a model: whatever is handed out and retired in which order.

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
        uint8_t fill;
    };

    explicit Ring(ULONG capacity = 4096) : memory_(capacity / 8) {
        ring_.Bytes = reinterpret_cast<UCHAR *>(memory_.data());
        ring_.Capacity = capacity;
    }

    bool append(ULONG content) {
        const ULONG size = RING_SLOT_SIZE(content);
        const ULONG cost = RingCost(&ring_, &size, 1);
        if (cost == MAXULONG) {
            return false;
        }
        const ULONG used = ring_.Used;
        Slot slot{RingAppend(&ring_, size, 1), static_cast<uint8_t>(++appended_)};
        EXPECT_EQ(ring_.Used, used + cost);
        EXPECT_EQ(slot.slot->Block, nullptr);
        std::memset(slot.slot + 1, slot.fill, size - sizeof(RING_SLOT));
        model_.push_back(slot);
        return true;
    }
    // Retires the oldest slot, and padding before it.
    void retire() {
        while (RingSlotAt(&ring_, ring_.Head)->Owner == RING_PADDING) {
            RingRetire(&ring_);
        }
        model_.pop_front();
        RingRetire(&ring_);
    }
    // Every slot of the model is whole, in the ring and in its order.
    void check() {
        ULONG position = ring_.Head;
        size_t found = 0;
        for (ULONG left = ring_.Used; left;) {
            RING_SLOT *slot = RingSlotAt(&ring_, position);
            ASSERT_LE(slot->Size, left);
            if (slot->Owner != RING_PADDING) {
                ASSERT_LT(found, model_.size());
                ASSERT_EQ(slot, model_[found].slot);
                const auto *content = reinterpret_cast<const uint8_t *>(slot + 1);
                for (size_t i = 0; i < slot->Size - sizeof(RING_SLOT); ++i) {
                    ASSERT_EQ(content[i], model_[found].fill);
                }
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

    std::vector<uint64_t> memory_;
    RING ring_{};
    std::deque<Slot> model_;
    unsigned appended_ = 0;
};

TEST_F(Ring, HasRoomForSlotsOneAfterTheOther) {
    const ULONG third = RING_SLOT_SIZE(1300);
    const ULONG sizes[] = {third, 0, third, third};
    EXPECT_EQ(RingCost(&ring_, sizes, 4), 3 * third);
    ASSERT_TRUE(append(1300) && append(1300) && append(1300));
    // What is left at the end is padding for a slot that does not fit there.
    retire();
    const ULONG large = RING_SLOT_SIZE(2000);
    EXPECT_EQ(RingCost(&ring_, &large, 1), MAXULONG);
    const ULONG end = ring_.Capacity - 3 * third;
    const ULONG wrapped = RING_SLOT_SIZE(end);
    EXPECT_EQ(RingCost(&ring_, &wrapped, 1), end + wrapped);
    // An empty ring starts over.
    retire();
    retire();
    EXPECT_EQ(RingCost(&ring_, &large, 1), large);
    ASSERT_TRUE(append(2000));
    EXPECT_EQ(ring_.Head, 0u);
    check();
}

TEST_F(Ring, DoesAsItsModel) {
    std::mt19937 random(11);
    unsigned refused = 0;
    for (int step = 0; step < 50000; ++step) {
        if (random() % 4) {
            refused += !append(random() % (random() % 5 ? 100 : 1500));
        } else {
            for (unsigned count = random() % 8; count && !model_.empty(); --count) {
                retire();
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
