// SPDX-License-Identifier: MIT
//
// Security descriptors of requests, in both forms, and of answers.

#include "test/driver/fixture/body_fixture.h"

namespace cmbridge::test {
namespace {

// A world SID, an administrators' SID, a list with one entry for each.
struct Parts {
    alignas(8) std::array<std::byte, 68> owner{}, group{};
    alignas(8) std::array<std::byte, 64> dacl{}, sacl{};

    Parts() {
        SID_IDENTIFIER_AUTHORITY world = {SECURITY_WORLD_SID_AUTHORITY}, nt = {SECURITY_NT_AUTHORITY};
        RtlInitializeSid(owner.data(), &world, 1);
        *RtlSubAuthoritySid(owner.data(), 0) = SECURITY_WORLD_RID;
        RtlInitializeSid(group.data(), &nt, 2);
        *RtlSubAuthoritySid(group.data(), 0) = SECURITY_BUILTIN_DOMAIN_RID;
        *RtlSubAuthoritySid(group.data(), 1) = DOMAIN_ALIAS_RID_ADMINS;
        for (auto *acl : {&dacl, &sacl}) {
            EXPECT_EQ(RtlCreateAcl(list(*acl), static_cast<ULONG>(acl->size()), ACL_REVISION), STATUS_SUCCESS);
            EXPECT_EQ(RtlAddAccessAllowedAce(list(*acl), ACL_REVISION, acl == &dacl ? KEY_READ : KEY_WRITE,
                                             acl == &dacl ? owner.data() : group.data()),
                      STATUS_SUCCESS);
        }
    }
    static PACL list(std::array<std::byte, 64> &acl) { return reinterpret_cast<PACL>(acl.data()); }
    SECURITY_DESCRIPTOR absolute() {
        SECURITY_DESCRIPTOR descriptor{};
        descriptor.Revision = SECURITY_DESCRIPTOR_REVISION;
        descriptor.Control = SE_DACL_PRESENT | SE_SACL_PRESENT | SE_DACL_PROTECTED;
        descriptor.Owner = owner.data();
        descriptor.Group = group.data();
        descriptor.Sacl = list(sacl);
        descriptor.Dacl = list(dacl);
        return descriptor;
    }
};

Bytes part(std::span<const std::byte> bytes, size_t size) {
    return Bytes(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(size));
}

class SecurityBody : public BodyTest {
  protected:
    // The pair of a set security with this descriptor.
    std::array<Record, 2> set(PSECURITY_DESCRIPTOR descriptor) {
        raise<REG_SET_KEY_SECURITY_INFORMATION>(
            RegNtPreSetKeySecurity, RegNtPostSetKeySecurity, STATUS_ACCESS_DENIED,
            [&](REG_SET_KEY_SECURITY_INFORMATION &information) { information.SecurityDescriptor = descriptor; });
        return pair();
    }
    void listenSet() { listen(RegNtPreSetKeySecurity, RegNtPostSetKeySecurity); }
    void raiseQuery(NTSTATUS status, const std::function<void(REG_QUERY_KEY_SECURITY_INFORMATION &)> &before,
                    const std::function<void(REG_QUERY_KEY_SECURITY_INFORMATION &)> &after = {}) {
        raise<REG_QUERY_KEY_SECURITY_INFORMATION>(RegNtPreQueryKeySecurity, RegNtPostQueryKeySecurity, status, before,
                                                  after);
    }
    static void expectParts(const Bytes &bytes, Parts &parts) {
        SECURITY_DESCRIPTOR_RELATIVE header;
        ASSERT_GE(bytes.size(), sizeof(header));
        std::memcpy(&header, bytes.data(), sizeof(header));
        EXPECT_EQ(header.Revision, SECURITY_DESCRIPTOR_REVISION);
        EXPECT_EQ(header.Control, SE_DACL_PRESENT | SE_SACL_PRESENT | SE_DACL_PROTECTED | SE_SELF_RELATIVE);
        const std::span<const std::byte> all(bytes);
        ASSERT_EQ(bytes.size(), 20 + 12 + 16 + 64 + 64u);
        EXPECT_EQ(part(all.subspan(header.Owner), 12), part(parts.owner, 12));
        EXPECT_EQ(part(all.subspan(header.Group), 16), part(parts.group, 16));
        EXPECT_EQ(part(all.subspan(header.Sacl), 64), part(parts.sacl, 64));
        EXPECT_EQ(part(all.subspan(header.Dacl), 64), part(parts.dacl, 64));
        Bytes copy = bytes;
        EXPECT_TRUE(RtlValidSecurityDescriptor(copy.data()));
        EXPECT_EQ(RtlLengthSecurityDescriptor(copy.data()), copy.size());
    }
};

TEST_F(SecurityBody, MakesAnAbsoluteDescriptorSelfRelative) {
    Parts parts;
    SECURITY_DESCRIPTOR absolute = parts.absolute();
    listenSet();
    const auto [pre, post] = set(&absolute);
    for (const Record &record : {pre, post}) {
        const auto &body = record.body<CMB_BODY_SECURITY>();
        EXPECT_EQ(body.SecurityInformation, static_cast<UINT32>(DACL_SECURITY_INFORMATION));
        EXPECT_EQ(body.Length, 0u);
        expectParts(record.data(body.Descriptor), parts);
    }
    EXPECT_EQ(client().statistics().CaptureFaults, 0u);
}

// What lies between the parts is not copied, and their order does not matter.
TEST_F(SecurityBody, ClosesHolesInADescriptor) {
    Parts parts;
    std::array<std::byte, 512> bytes;
    bytes.fill(std::byte{0xCC});
    SECURITY_DESCRIPTOR_RELATIVE header{SECURITY_DESCRIPTOR_REVISION,
                                        0,
                                        SE_DACL_PRESENT | SE_SACL_PRESENT | SE_DACL_PROTECTED | SE_SELF_RELATIVE,
                                        400,
                                        300,
                                        100,
                                        200};
    std::memcpy(bytes.data(), &header, sizeof(header));
    std::memcpy(bytes.data() + 400, parts.owner.data(), 12);
    std::memcpy(bytes.data() + 300, parts.group.data(), 16);
    std::memcpy(bytes.data() + 100, parts.sacl.data(), 64);
    std::memcpy(bytes.data() + 200, parts.dacl.data(), 64);
    listenSet();
    const Record pre = set(bytes.data())[0];
    expectParts(pre.data(pre.body<CMB_BODY_SECURITY>().Descriptor), parts);
}

TEST_F(SecurityBody, LeavesMissingPartsOut) {
    Parts parts;
    SECURITY_DESCRIPTOR absolute = parts.absolute();
    // A list that is said not to be there is not looked for; a null list is none.
    absolute.Control = SE_DACL_PRESENT;
    absolute.Sacl = reinterpret_cast<PACL>(8);
    absolute.Dacl = nullptr;
    absolute.Owner = nullptr;
    listenSet();
    const Record pre = set(&absolute)[0];
    const Bytes bytes = pre.data(pre.body<CMB_BODY_SECURITY>().Descriptor);
    SECURITY_DESCRIPTOR_RELATIVE header;
    ASSERT_EQ(bytes.size(), 20u + 16);
    std::memcpy(&header, bytes.data(), sizeof(header));
    EXPECT_EQ(header.Control, SE_DACL_PRESENT | SE_SELF_RELATIVE);
    EXPECT_EQ(header.Owner, 0u);
    EXPECT_EQ(header.Group, 20u);
    EXPECT_EQ(header.Sacl, 0u);
    EXPECT_EQ(header.Dacl, 0u);
}

TEST_F(SecurityBody, TellsTheDescriptorOfACreate) {
    Parts parts;
    SECURITY_DESCRIPTOR absolute = parts.absolute();
    listen(RegNtPreCreateKeyEx, RegNtPostCreateKeyEx);
    raise<REG_CREATE_KEY_INFORMATION_V1>(
        RegNtPreCreateKeyEx, RegNtPostCreateKeyEx, STATUS_SUCCESS,
        [&](REG_CREATE_KEY_INFORMATION_V1 &create) { create.SecurityDescriptor = &absolute; });
    const auto [pre, post] = pair();
    expectParts(pre.data(pre.body<CMB_BODY_CREATE>().SecurityDescriptor), parts);
    expectParts(post.data(post.body<CMB_BODY_CREATE>().SecurityDescriptor), parts);
}

// Two lists of 64 KiB do not fit in a record.
TEST_F(SecurityBody, BoundsTheDescriptor) {
    Parts parts;
    std::vector<std::byte> list(65532);
    ASSERT_EQ(RtlCreateAcl(reinterpret_cast<PACL>(list.data()), static_cast<ULONG>(list.size()), ACL_REVISION),
              STATUS_SUCCESS);
    SECURITY_DESCRIPTOR absolute = parts.absolute();
    absolute.Dacl = absolute.Sacl = reinterpret_cast<PACL>(list.data());
    listenSet();
    const Record pre = set(&absolute)[0];
    const auto &span = pre.body<CMB_BODY_SECURITY>().Descriptor;
    EXPECT_EQ(span.Size, static_cast<UINT32>(CMB_MAX_SECURITY_DESCRIPTOR_BYTES));
    EXPECT_EQ(span.FullSize, 20u + 12 + 16 + 2 * 65532);
    EXPECT_TRUE(span.Flags & CMB_SPAN_TRUNCATED);
}

TEST_F(SecurityBody, MarksMalformedParts) {
    Parts parts;
    listenSet();
    const auto expectFault = [&](SECURITY_DESCRIPTOR descriptor) {
        const Record pre = set(&descriptor)[0];
        EXPECT_EQ(pre.body<CMB_BODY_SECURITY>().Descriptor.Flags, kFault);
    };
    parts.owner[1] = std::byte{SID_MAX_SUB_AUTHORITIES + 1};
    expectFault(parts.absolute());
    parts.owner[1] = std::byte{1};
    parts.dacl[2] = std::byte{7};
    parts.dacl[3] = std::byte{0};
    expectFault(parts.absolute());
}

TEST_F(SecurityBody, SurvivesPartsThatVanish) {
    Parts parts;
    UserMemory<64> memory;
    listenSet();
    // The header, each part as a whole, and what follows a part's first bytes.
    std::memcpy(memory.at(), parts.dacl.data(), 64);
    memory.vanish();
    EXPECT_EQ(set(memory.at())[0].body<CMB_BODY_SECURITY>().Descriptor.Flags, kFault);
    SECURITY_DESCRIPTOR absolute = parts.absolute();
    absolute.Owner = memory.at();
    EXPECT_EQ(set(&absolute)[0].body<CMB_BODY_SECURITY>().Descriptor.Flags, kFault);
    absolute = parts.absolute();
    absolute.Dacl = memory.at<ACL>();
    EXPECT_EQ(set(&absolute)[0].body<CMB_BODY_SECURITY>().Descriptor.Flags, kFault);
    SimSetUserRangeAccess(memory.at(), TRUE, TRUE);
    int reads = 0;
    memory.watch([&] {
        if (++reads == 2) {
            memory.vanish();
        }
    });
    EXPECT_EQ(set(&absolute)[0].body<CMB_BODY_SECURITY>().Descriptor.Flags, kFault);
    EXPECT_EQ(client().statistics().CaptureFaults, 8u);
}

// The size that a list claims is asked once.
TEST_F(SecurityBody, SurvivesAListThatGrows) {
    Parts parts;
    UserMemory<64> memory;
    std::memcpy(memory.at(), parts.dacl.data(), 64);
    SECURITY_DESCRIPTOR absolute = parts.absolute();
    absolute.Dacl = memory.at<ACL>();
    listenSet();
    int reads = 0;
    // The first access of each phase finds the true size, the second the lie.
    memory.watch([&] { memory.at<ACL>()->AclSize = reads++ % 2 == 0 ? 64 : 0xFFFC; });
    const Record pre = set(&absolute)[0];
    EXPECT_EQ(reads, 4);
    expectParts(pre.data(pre.body<CMB_BODY_SECURITY>().Descriptor), parts);
}

TEST_F(SecurityBody, SaysLessWithoutMemory) {
    Parts parts;
    SECURITY_DESCRIPTOR absolute = parts.absolute();
    unsigned without = 0;
    listenSet();
    failAllocations(
        [&] {
            raise<REG_SET_KEY_SECURITY_INFORMATION>(
                RegNtPreSetKeySecurity, RegNtPostSetKeySecurity, STATUS_SUCCESS,
                [&](REG_SET_KEY_SECURITY_INFORMATION &set) { set.SecurityDescriptor = &absolute; });
        },
        [&](const std::vector<Record> &records) {
            ASSERT_EQ(records.size(), 2u);
            for (const Record &record : records) {
                const auto &span = record.body<CMB_BODY_SECURITY>().Descriptor;
                EXPECT_EQ(span.FullSize, 20u + 12 + 16 + 64 + 64);
                EXPECT_TRUE(span.Size == span.FullSize || span.Size == 0);
                without += span.Size == 0;
            }
        });
    EXPECT_EQ(without, 2u);
    EXPECT_EQ(client().statistics().CaptureFaults, 0u);
}

TEST_F(SecurityBody, SurvivesInformationThatVanishes) {
    UserMemory<8> information;
    information.vanish();
    listenSet();
    raise<REG_SET_KEY_SECURITY_INFORMATION>(RegNtPreSetKeySecurity, RegNtPostSetKeySecurity, STATUS_ACCESS_DENIED,
                                            [&](REG_SET_KEY_SECURITY_INFORMATION &set) {
                                                set.SecurityInformation = information.at<SECURITY_INFORMATION>();
                                                set.SecurityDescriptor = nullptr;
                                            });
    const auto [pre, post] = pair();
    EXPECT_EQ(pre.body<CMB_BODY_SECURITY>().SecurityInformation, 0u);
    EXPECT_EQ(pre.body<CMB_BODY_SECURITY>().Descriptor.Flags, 0u);
    EXPECT_EQ(client().statistics().CaptureFaults, 2u);
}

TEST_F(SecurityBody, TellsTheAnswerOfAQuery) {
    UserMemory<64> buffer;
    listen(RegNtPreQueryKeySecurity, RegNtPostQueryKeySecurity, 8);
    raiseQuery(
        STATUS_SUCCESS,
        [&](REG_QUERY_KEY_SECURITY_INFORMATION &query) {
            query.SecurityDescriptor = buffer.at();
            *query.Length = 64;
        },
        [&](REG_QUERY_KEY_SECURITY_INFORMATION &query) { *query.Length = 20; });
    const auto [pre, post] = pair();
    EXPECT_EQ(pre.body<CMB_BODY_SECURITY>().SecurityInformation, static_cast<UINT32>(DACL_SECURITY_INFORMATION));
    EXPECT_EQ(pre.body<CMB_BODY_SECURITY>().Length, 64u);
    EXPECT_EQ(pre.body<CMB_BODY_SECURITY>().BufferSize, 64u);
    EXPECT_EQ(pre.body<CMB_BODY_SECURITY>().Descriptor.Flags, 0u);
    EXPECT_EQ(post.body<CMB_BODY_SECURITY>().Length, 20u);
    EXPECT_EQ(post.body<CMB_BODY_SECURITY>().BufferSize, 64u);
    // Descriptors have their own bound, not that of value data.
    EXPECT_EQ(post.data(post.body<CMB_BODY_SECURITY>().Descriptor), Bytes(20, std::byte{0xAA}));
}

TEST_F(SecurityBody, TellsOfAnAnswerThatDidNotFit) {
    listen(RegNtPreQueryKeySecurity, RegNtPostQueryKeySecurity);
    raiseQuery(
        STATUS_BUFFER_TOO_SMALL, [](REG_QUERY_KEY_SECURITY_INFORMATION &query) { *query.Length = 0; },
        [](REG_QUERY_KEY_SECURITY_INFORMATION &query) { *query.Length = 160; });
    const auto [pre, post] = pair();
    EXPECT_EQ(pre.body<CMB_BODY_SECURITY>().Length, 0u);
    EXPECT_EQ(post.body<CMB_BODY_SECURITY>().Length, 160u);
    EXPECT_EQ(post.body<CMB_BODY_SECURITY>().Descriptor.Flags, 0u);
}

TEST_F(SecurityBody, SurvivesALengthThatLies) {
    UserMemory<64> buffer;
    UserMemory<8> length;
    *length.at<ULONG>() = 32;
    listen(RegNtPreQueryKeySecurity, RegNtPostQueryKeySecurity);
    const auto before = [&](REG_QUERY_KEY_SECURITY_INFORMATION &query) {
        query.SecurityDescriptor = buffer.at();
        query.Length = length.at<ULONG>();
    };
    raiseQuery(STATUS_SUCCESS, before, [&](REG_QUERY_KEY_SECURITY_INFORMATION &query) { *query.Length = 0xFFFFFFFF; });
    Record post = pair()[1];
    EXPECT_EQ(post.body<CMB_BODY_SECURITY>().Length, 0xFFFFFFFF);
    EXPECT_EQ(post.data(post.body<CMB_BODY_SECURITY>().Descriptor), Bytes(32, std::byte{0xAA}));
    *length.at<ULONG>() = 32;
    raiseQuery(STATUS_SUCCESS, before, [&](REG_QUERY_KEY_SECURITY_INFORMATION &) { buffer.vanish(); });
    EXPECT_EQ(pair()[1].body<CMB_BODY_SECURITY>().Descriptor.Flags, kFault);
    length.vanish();
    raiseQuery(STATUS_SUCCESS, before);
    EXPECT_EQ(pair()[1].body<CMB_BODY_SECURITY>().Descriptor.Size, 0u);
    EXPECT_EQ(client().statistics().CaptureFaults, 3u);
}

// What the configuration manager and the object manager hand to callbacks for real calls.
TEST_F(SecurityBody, AgreesWithRealCalls) {
    Parts parts;
    // The list of `parts` lets everybody read; the actor must get at its key again, so it goes to a key of its own.
    HANDLE sub = actor().create(u"Sub", key());
    SECURITY_DESCRIPTOR absolute = parts.absolute();
    absolute.Control = SE_DACL_PRESENT;
    std::vector<uint64_t> answer(64);
    ULONG needed = 0;
    client().add(u"385100", bit(RegNtPreSetKeySecurity) | bit(RegNtPostSetKeySecurity) | bit(RegNtPreQueryKeySecurity) |
                                bit(RegNtPostQueryKeySecurity));
    actor().run([&] {
        EXPECT_EQ(NtSetSecurityObject(sub, DACL_SECURITY_INFORMATION, &absolute), STATUS_SUCCESS);
        EXPECT_EQ(NtQuerySecurityObject(sub, DACL_SECURITY_INFORMATION, answer.data(), 8, &needed),
                  STATUS_BUFFER_TOO_SMALL);
        EXPECT_EQ(NtQuerySecurityObject(sub, DACL_SECURITY_INFORMATION, answer.data(),
                                        static_cast<ULONG>(answer.size() * 8), &needed),
                  STATUS_SUCCESS);
    });
    const std::vector<Record> records = client().drain();
    ASSERT_EQ(records.size(), 6u);
    for (const Record &record : records) {
        EXPECT_EQ(record.body<CMB_BODY_SECURITY>().SecurityInformation, static_cast<UINT32>(DACL_SECURITY_INFORMATION));
        EXPECT_EQ(record.path(), path() + u"\\Sub");
    }
    for (size_t i = 0; i < 2; ++i) {
        Bytes bytes = records[i].data(records[i].body<CMB_BODY_SECURITY>().Descriptor);
        ASSERT_TRUE(!bytes.empty() && RtlValidSecurityDescriptor(bytes.data()));
        SECURITY_DESCRIPTOR_RELATIVE header;
        std::memcpy(&header, bytes.data(), sizeof(header));
        EXPECT_EQ(part(std::span<const std::byte>(bytes).subspan(header.Dacl), 64), part(parts.dacl, 64));
    }
    EXPECT_EQ(records[2].body<CMB_BODY_SECURITY>().Length, 8u);
    EXPECT_EQ(records[3]->Status, STATUS_BUFFER_TOO_SMALL);
    EXPECT_EQ(records[3].body<CMB_BODY_SECURITY>().Length, needed);
    EXPECT_EQ(records[3].body<CMB_BODY_SECURITY>().Descriptor.Flags, 0u);
    EXPECT_EQ(records[4].body<CMB_BODY_SECURITY>().Length, answer.size() * 8);
    EXPECT_EQ(records[5].body<CMB_BODY_SECURITY>().Length, needed);
    EXPECT_EQ(records[5].data(records[5].body<CMB_BODY_SECURITY>().Descriptor),
              part(std::as_bytes(std::span(answer)), needed));
    actor().close(sub);
}

} // namespace
} // namespace cmbridge::test
