// SPDX-License-Identifier: MIT
//
// The bit map of addresses that are pool: read without a lock, its parts made when the first block lies in them.

#include "pool.h"

#include <new>

namespace nt {

AddressMap::AddressMap() : parts_(static_cast<std::atomic<Word *> *>(std::calloc(kParts, sizeof *parts_))) {
    if (parts_ == nullptr) {
        throw std::bad_alloc();
    }
}

AddressMap::~AddressMap() {
    for (size_t i = 0; i < kParts; ++i) {
        std::free(parts_[i].load(std::memory_order_relaxed));
    }
    std::free(parts_);
}

bool AddressMap::makeParts(uintptr_t first, uintptr_t last) {
    if (last >> kAddressBits != 0) {
        return false;
    }
    for (size_t i = first >> kPartBits; i <= last >> kPartBits; ++i) {
        if (parts_[i].load(std::memory_order_acquire) != nullptr) {
            continue;
        }
        auto part = static_cast<Word *>(std::calloc(kPartUnits >> kWordBits, sizeof(Word)));
        Word *none = nullptr;
        if (part == nullptr || !parts_[i].compare_exchange_strong(none, part, std::memory_order_acq_rel)) {
            std::free(part);
        }
        if (part == nullptr) {
            return false;
        }
    }
    return true;
}

template <typename Change> void AddressMap::forWords(uintptr_t address, size_t length, Change change) {
    constexpr uint64_t kUnitsInWord = uint64_t{1} << kWordBits;
    uint64_t unit = address >> kUnitBits, end = ((address + length - 1) >> kUnitBits) + 1;
    while (unit < end) {
        uint64_t first = unit % kUnitsInWord;
        uint64_t count = std::min(kUnitsInWord - first, end - unit);
        Word *part = parts_[unit >> (kPartBits - kUnitBits)].load(std::memory_order_acquire);
        uint64_t bits = (count == kUnitsInWord ? ~uint64_t{0} : (uint64_t{1} << count) - 1) << first;
        change(part[(unit % kPartUnits) >> kWordBits], bits);
        unit += count;
    }
}

bool AddressMap::add(uintptr_t address, size_t length) {
    if (!makeParts(address, address + length - 1)) {
        return false;
    }
    forWords(address, length, [](Word &word, uint64_t bits) { word.fetch_or(bits, std::memory_order_relaxed); });
    return true;
}

void AddressMap::remove(uintptr_t address, size_t length) {
    forWords(address, length, [](Word &word, uint64_t bits) { word.fetch_and(~bits, std::memory_order_relaxed); });
}

bool AddressMap::has(uintptr_t address) const {
    if (address >> kAddressBits != 0) {
        return false;
    }
    const Word *part = parts_[address >> kPartBits].load(std::memory_order_acquire);
    uint64_t unit = (address >> kUnitBits) % kPartUnits;
    return part != nullptr && (part[unit >> kWordBits].load(std::memory_order_relaxed) >> (unit & 63) & 1) != 0;
}

} // namespace nt
