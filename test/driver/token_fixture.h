// SPDX-License-Identifier: MIT
//
// What a record says about a token, compared with what the token was made of.

#ifndef CMBRIDGE_TEST_DRIVER_TOKEN_FIXTURE_H
#define CMBRIDGE_TEST_DRIVER_TOKEN_FIXTURE_H

#include "fixture.h"

namespace cmbridge::test {

inline Bytes sidBytes(const std::string &text) {
    std::vector<uint64_t> parts;
    for (size_t at = 0; (at = text.find('-', at)) != std::string::npos; ++at) {
        parts.push_back(std::stoull(text.substr(at + 1)));
    }
    // S-1-<authority>-<subauthorities>
    Bytes bytes{std::byte(parts[0]), std::byte(parts.size() - 2)};
    for (int shift = 40; shift >= 0; shift -= 8) {
        bytes.push_back(std::byte(parts[1] >> shift));
    }
    for (size_t i = 2; i < parts.size(); ++i) {
        for (int shift = 0; shift < 32; shift += 8) {
            bytes.push_back(std::byte(parts[i] >> shift));
        }
    }
    return bytes;
}

inline void expectToken(const Record &record, const CMB_TOKEN &token, const simulator::TokenOptions &options) {
    EXPECT_EQ(record.data(token.UserSid), sidBytes(options.userSid));
    EXPECT_EQ(token.IntegrityLevel, options.integrityLevel);
    EXPECT_EQ(token.SessionId, options.sessionId);
    EXPECT_EQ(token.Reserved, 0u);
    EXPECT_EQ(token.Flags, static_cast<UINT32>(CMB_TOKEN_INTEGRITY | CMB_TOKEN_ELEVATION | CMB_TOKEN_SESSION |
                                               (options.elevated ? CMB_TOKEN_ELEVATED : 0)));
}

} // namespace cmbridge::test

#endif
