// SPDX-License-Identifier: MIT
//
// Keys outside of the registry, and the files that they make.

#ifndef CMBRIDGE_TEST_CM_HIVE_TREE_H
#define CMBRIDGE_TEST_CM_HIVE_TREE_H

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <string_view>
#include <vector>

extern "C" {
#include "cm/cmp.h"
#include "cm/store_hive.h"
}

namespace cm_test {

class HiveTree {
  public:
    HiveTree() { EXPECT_EQ(CmMemoryStoreCreate(&store_), STATUS_SUCCESS); }
    ~HiveTree() {
        for (CM_NODE root : roots_) {
            CmpFreeTree(root);
        }
        CmMemoryStoreDestroy(store_);
    }
    HiveTree(const HiveTree &) = delete;

    CM_NODE root(std::u16string_view name = u"Root") {
        CM_NODE node = make(nullptr, name, {}, false);
        roots_.push_back(node);
        return node;
    }
    CM_NODE key(CM_NODE parent, std::u16string_view name, std::u16string_view className = {}, ULONG options = 0) {
        return make(parent, name, className, (options & REG_OPTION_VOLATILE) != 0);
    }
    // A descriptor with an owner and a list of one entry, which are told apart by Mark.
    void secure(CM_NODE node, UCHAR mark) {
        const UCHAR bytes[] = {1, 0, 4,  0x80, 20,   0, 0, 0, 0,    0, 0,  0, 0, 0, 0, 0,  32, 0, 0, 0, // header
                               1, 1, 0,  0,    0,    0, 0, 5, mark, 0, 0,  0,                           // S-1-5-mark
                               2, 0, 28, 0,    1,    0, 0, 0, 0,    0, 20, 0, 0, 0, 0, 16, 1,  1, 0, 0,
                               0, 0, 0,  5,    mark, 0, 0, 0};
        EXPECT_EQ(CmpSetNodeSecurity(static_cast<PCM_MEMORY_STORE>(store_->Context), node, bytes, sizeof bytes),
                  STATUS_SUCCESS);
    }
    // Without the limit of depth that NtCreateKey has.
    CM_NODE looseKey(CM_NODE parent, std::u16string_view name) { return make(parent, name, {}, false); }
    void value(CM_NODE node, std::u16string_view name, ULONG type, const std::string &data) {
        UNICODE_STRING string = text(name);
        EXPECT_EQ(
            store_->SetValue(store_->Context, node, &string, 0, type, data.data(), static_cast<ULONG>(data.size())),
            STATUS_SUCCESS);
    }
    std::vector<UCHAR> write(CM_NODE high, CM_NODE low = nullptr, ULONG minor = 5) {
        PVOID bytes = nullptr;
        ULONG length = 0;
        EXPECT_EQ(CmpWriteHive(high, low, minor, &bytes, &length), STATUS_SUCCESS);
        std::vector<UCHAR> file(static_cast<UCHAR *>(bytes), static_cast<UCHAR *>(bytes) + length);
        CmStoreFree(bytes);
        return file;
    }
    // From a block of exactly the size, so that a sanitizer sees every byte too many.
    NTSTATUS read(const std::vector<UCHAR> &file, CM_NODE *root) {
        std::vector<UCHAR> exact(file);
        exact.shrink_to_fit();
        return CmpReadHive(static_cast<PCM_MEMORY_STORE>(store_->Context), exact.data(),
                           static_cast<ULONG>(exact.size()), root);
    }
    static void fixSum(std::vector<UCHAR> &file) {
        auto *header = reinterpret_cast<CM_HIVE_HEADER *>(file.data());
        header->Checksum = CmpHiveChecksum(header);
    }

    // Everything that a file keeps of a tree.
    std::string describe(CM_NODE node) { return describe(node, true); }
    // Names and values, for the reader of a test.
    std::string outline(CM_NODE node) { return describe(node, false); }

  private:
    CM_NODE make(CM_NODE parent, std::u16string_view name, std::u16string_view className, bool isVolatile) {
        UNICODE_STRING string = text(name), classString = text(className);
        CM_NODE node = nullptr;
        EXPECT_EQ(CmpMakeNode(parent, &string, 0, &classString, isVolatile, &node), STATUS_SUCCESS);
        return node;
    }
    static std::string bytes(const UNICODE_STRING &string, bool full) {
        if (full) {
            return {reinterpret_cast<const char *>(string.Buffer), string.Length};
        }
        return {string.Buffer, string.Buffer + string.Length / sizeof(WCHAR)};
    }
    static std::string describe(CM_NODE node, bool full) {
        std::string all;
        if (full) {
            ULONG length = 0;
            auto *security = static_cast<const char *>(CmpNodeSecurity(node, &length));
            all += "<" + std::string(security, length) + bytes(node->Class, true) + "," +
                   std::to_string(node->UserFlags) + "," + std::to_string(node->LastWriteTime.QuadPart) +
                   (node->Link ? ",link>" : ">");
        }
        for (ULONG i = 0; i < node->Values.Count; i++) {
            auto *value = static_cast<PCM_MEMORY_VALUE>(node->Values.Items[i]);
            all += "[" + bytes(value->Name, full) + ":" + std::to_string(value->Type) + "=" +
                   std::string(static_cast<const char *>(value->Data), value->DataLength) + "]";
        }
        for (ULONG i = 0; i < node->Children.Count; i++) {
            auto *child = static_cast<CM_NODE>(node->Children.Items[i]);
            all += "{" + bytes(child->Name, full) + describe(child, full) + "}";
        }
        return all;
    }

    PCM_STORE store_ = nullptr;
    std::vector<CM_NODE> roots_;
};

} // namespace cm_test

#endif
