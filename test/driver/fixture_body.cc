// SPDX-License-Identifier: MIT
//
// What the body of each class consists of.

#include "fixture.h"

namespace cmbridge::test {
namespace {

std::vector<CMB_SPAN> entrySpans(const Record &record) {
    const auto &body = record.body<CMB_BODY_QUERY_MULTIPLE>();
    std::vector<CMB_SPAN> spans{body.Entries, body.Data};
    for (const CMB_VALUE_ENTRY &entry : record.entries()) {
        EXPECT_EQ(entry.Reserved, 0u);
        spans.push_back(entry.ValueName);
    }
    return spans;
}

std::vector<CMB_SPAN> changeSpans(const Record &record) {
    switch (record->NotifyClass) {
    case RegNtPreCreateKeyEx:
    case RegNtPostCreateKeyEx:
    case RegNtPreOpenKeyEx:
    case RegNtPostOpenKeyEx: {
        const auto &body = record.body<CMB_BODY_CREATE>();
        return {body.RequestedName, body.ClassName, body.SecurityDescriptor};
    }
    case RegNtPreSetValueKey:
    case RegNtPostSetValueKey: {
        const auto &body = record.body<CMB_BODY_SET_VALUE>();
        return {body.ValueName, body.Data, body.Old.Data};
    }
    case RegNtPreDeleteValueKey:
    case RegNtPostDeleteValueKey: {
        const auto &body = record.body<CMB_BODY_DELETE_VALUE>();
        return {body.ValueName, body.Old.Data};
    }
    case RegNtPreRenameKey:
    case RegNtPostRenameKey:
        return {record.body<CMB_BODY_RENAME>().NewName};
    case RegNtPreSetInformationKey:
    case RegNtPostSetInformationKey:
        EXPECT_EQ(record.body<CMB_BODY_SET_INFORMATION>().Reserved, 0u);
        return {record.body<CMB_BODY_SET_INFORMATION>().Information};
    case RegNtPreDeleteKey:
    case RegNtPostDeleteKey:
        record.body<CMB_BODY_DELETE_KEY>();
        return {};
    case RegNtPreKeyHandleClose:
    case RegNtPostKeyHandleClose:
    case RegNtCallbackObjectContextCleanup:
        record.body<CMB_BODY_CLOSE>();
        return {};
    default:
        EXPECT_EQ(record->BodySize, 0u) << record->NotifyClass;
        return {};
    }
}

std::vector<CMB_SPAN> hiveSpans(const Record &record) {
    switch (record->NotifyClass) {
    case RegNtPreLoadKey:
    case RegNtPostLoadKey:
        return {record.body<CMB_BODY_LOAD>().KeyName, record.body<CMB_BODY_LOAD>().SourceFile};
    case RegNtPreUnLoadKey:
    case RegNtPostUnLoadKey:
        EXPECT_EQ(record.body<CMB_BODY_UNLOAD>().Reserved, 0u);
        return {};
    case RegNtPreRestoreKey:
    case RegNtPostRestoreKey:
    case RegNtPreSaveKey:
    case RegNtPostSaveKey:
    case RegNtPreSaveMergedKey:
    case RegNtPostSaveMergedKey:
        EXPECT_EQ(record.body<CMB_BODY_FILE>().Reserved, 0u);
        return {record.body<CMB_BODY_FILE>().FileName};
    case RegNtPreReplaceKey:
    case RegNtPostReplaceKey:
        return {record.body<CMB_BODY_REPLACE>().NewFileName, record.body<CMB_BODY_REPLACE>().OldFileName};
    default:
        return changeSpans(record);
    }
}

} // namespace

std::vector<CMB_SPAN> bodySpans(const Record &record) {
    switch (record->NotifyClass) {
    case RegNtPreEnumerateKey:
    case RegNtPostEnumerateKey:
    case RegNtPreEnumerateValueKey:
    case RegNtPostEnumerateValueKey:
    case RegNtPreQueryKey:
    case RegNtPostQueryKey:
    case RegNtPreQueryValueKey:
    case RegNtPostQueryValueKey:
        return {record.body<CMB_BODY_QUERY>().ValueName, record.body<CMB_BODY_QUERY>().Information};
    case RegNtPreQueryMultipleValueKey:
    case RegNtPostQueryMultipleValueKey:
        return entrySpans(record);
    case RegNtPreQueryKeySecurity:
    case RegNtPostQueryKeySecurity:
    case RegNtPreSetKeySecurity:
    case RegNtPostSetKeySecurity:
        return {record.body<CMB_BODY_SECURITY>().Descriptor};
    case RegNtPreQueryKeyName:
    case RegNtPostQueryKeyName:
        return {record.body<CMB_BODY_QUERY_NAME>().Name};
    default:
        return hiveSpans(record);
    }
}

std::vector<CMB_VALUE_ENTRY> Record::entries() const {
    const Bytes bytes = data(body<CMB_BODY_QUERY_MULTIPLE>().Entries);
    EXPECT_EQ(bytes.size() % sizeof(CMB_VALUE_ENTRY), 0u);
    std::vector<CMB_VALUE_ENTRY> entries(bytes.size() / sizeof(CMB_VALUE_ENTRY));
    if (!entries.empty()) {
        std::memcpy(entries.data(), bytes.data(), entries.size() * sizeof(CMB_VALUE_ENTRY));
    }
    return entries;
}

} // namespace cmbridge::test
