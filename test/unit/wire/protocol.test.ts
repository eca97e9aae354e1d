import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import * as protocol from '../../../lib/wire/protocol.js';

// lib/wire/protocol.ts is generated from driver/protocol/, so it follows a change there. This table does not. A change of the wire
// needs a new CMB_PROTOCOL_MAJOR or CMB_PROTOCOL_MINOR (driver/protocol/protocol.h), and the hashes of the structures that it touches,
// which the failure names.
const version = '2.0';
const layouts: Readonly<Record<string, string>> = {
  CMB_SPAN: '90488e7c5798',
  CMB_RECORD: 'c491db6917ed',
  CMB_TOKEN: 'b92f693f5487',
  CMB_IMPERSONATION: '23569248ea60',
  CMB_BODY_PROCESS: '79bcd5666256',
  CMB_BODY_GAP: '0024c8f8fef2',
  CMB_OLD_VALUE: '88b40e4fc682',
  CMB_BODY_CREATE: '8ac2474e47c5',
  CMB_BODY_SET_VALUE: '67f64e54b0bd',
  CMB_BODY_DELETE_VALUE: '333c70d073dc',
  CMB_BODY_DELETE_KEY: '21b6bac8ddc8',
  CMB_BODY_RENAME: '99fe6139b4fb',
  CMB_BODY_SET_INFORMATION: 'fec7fdb94c5b',
  CMB_BODY_QUERY: 'b1f74854121e',
  CMB_VALUE_ENTRY: '37c52f4d9824',
  CMB_BODY_QUERY_MULTIPLE: 'b589c252cdfd',
  CMB_BODY_CLOSE: '12311135a67f',
  CMB_BODY_LOAD: '807ff80c56d0',
  CMB_BODY_UNLOAD: 'ded06dff6a32',
  CMB_BODY_SECURITY: '367c5fb6fade',
  CMB_BODY_FILE: '7acf773d8e4e',
  CMB_BODY_REPLACE: 'c5f427208e92',
  CMB_BODY_QUERY_NAME: '457159c599d1',
  CMB_RULE_DIMENSION: '660671346587',
  CMB_RULES: 'e0d158167126',
  CMB_RULE: '2361d5a46623',
  CMB_RULE_SET: '2f848227dc1b',
  CMB_RULE_NODE: '4166f703a2e2',
  CMB_RULE_TEXT: '228144449bd0',
  CMB_RULE_MEMBER: '2120fa37374d',
  CMB_DECIDED: '8566bd06f5db',
  CMB_BODY_BREAKER: 'bbfde04d338e',
  CMB_REPLY_ENTRY: '44386b517f7d',
  CMB_MULTIPLE_ENTRY: '280f713a5f27',
  CMB_DECISION_STATISTICS: '68ff17420101',
  CMB_HEADER: 'cdf895e4eeaf',
  CMB_HELLO_REQUEST: '4abab8b067d5',
  CMB_HELLO_REPLY: 'fa1c092d939f',
  CMB_REGISTER_REQUEST: '0656fc814b3d',
  CMB_REGISTER_REPLY: '93f89fa9dbc2',
  CMB_UNREGISTER_REQUEST: 'e2226c898ff2',
  CMB_UNREGISTER_REPLY: 'e5a7173d3abe',
  CMB_STATISTICS_REQUEST: '6d220559b3d5',
  CMB_STATISTICS_REPLY: 'a05a65fa1955',
  CMB_BATCH: 'a1e7216cf93a',
  CMB_REPLY_REQUEST: '3dc53c34c9da',
  CMB_REPLY_REPLY: '3dc53c34c9da',
  CMB_SET_RULES_REQUEST: '1b34272e9cd3',
  CMB_SET_RULES_REPLY: '0e893dff0466',
};

/** The hash of "size 8, Size 0, Version 4, Flags 6". */
function hashLayout(structure: Readonly<Record<string, number>>): string {
  const fields = Object.entries(structure).map(([name, offset]) => `${name} ${offset}`);
  return createHash('sha256').update(fields.join(', ')).digest('hex').slice(0, 12);
}

describe('the protocol', () => {
  it('its structures are laid out as this version has them', () => {
    const found = Object.entries(protocol).flatMap(([name, structure]) =>
      typeof structure === 'number' ? [] : [[name, hashLayout(structure)]],
    );
    assert.deepEqual(
      { version: `${protocol.CMB_PROTOCOL_MAJOR}.${protocol.CMB_PROTOCOL_MINOR}`, ...Object.fromEntries(found) },
      { version, ...layouts },
    );
  });
});
