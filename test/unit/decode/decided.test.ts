import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Decoder } from '../../../lib/decode/decode.js';
import { ticketOf } from '../../../lib/decode/decided.js';
import { HopTracker } from '../../../lib/decode/hops.js';
import { LazyEvent } from '../../../lib/decode/lazy-event.js';
import type { Event, EventDecision, EventQuestion } from '../../../lib/event/event.js';
import * as P from '../../../lib/wire/protocol.js';
import { forEachRecord } from '../../../lib/wire/record.js';
import { RulesetTable } from '../../../lib/session/ruleset-table.js';
import { batch, breakerRecord, held, record, type DecidedInput, type RecordInput } from '../support/records.js';

interface Read {
  readonly question: EventQuestion | null;
  readonly decision: EventDecision | null;
  readonly ticket: bigint | null;
}

const rules = { find: (ruleset: number, rule: number) => ({ index: rule, name: `rule ${rule} of ${ruleset}` }) };

function each<T>(bytes: Uint8Array, read: (decoder: Decoder, view: Parameters<Decoder['decode']>[0]) => T): T {
  const found: T[] = [];
  forEachRecord(
    batch([bytes]),
    (view) => found.push(read(new Decoder(0, P.CMB_PATH_SLOTS), view)),
    (error) => {
      throw error;
    },
  );
  return found[0]!;
}

function decode(bytes: Uint8Array): Event {
  const event = each(bytes, (decoder, view) => decoder.decode(view, new HopTracker(), rules));
  assert.ok(event !== null);
  return event;
}

/** Of the whole event; those of the lazy one are the same. */
function read(decided: DecidedInput | undefined, input: RecordInput = {}): Read {
  const bytes = record({
    notifyClass: 16,
    flags: P.CMB_RECORD_POST,
    ...(decided === undefined ? {} : { decided }),
    ...input,
  });
  const event = decode(bytes);
  assert.ok(event.class === 'RegNtPostSetValueKey');
  const { question, decision } = event;
  return each(bytes, (decoder, view) => {
    const lazy = decoder.decodeLazily(view, new HopTracker(), rules);
    assert.ok(lazy instanceof LazyEvent);
    assert.deepEqual([lazy.question, lazy.decision], [question, decision]);
    return { question, decision, ticket: ticketOf(view) };
  });
}

describe('a record', () => {
  it('a record without a decision has neither question nor decision nor ticket', () => {
    assert.deepEqual(read(undefined), { question: null, decision: null, ticket: null });
  });

  it('a record of an operation that is held tells which rule asks, and until when', () => {
    const question = { deadline: 250, rule: { index: 3, name: 'rule 3 of 1' } };
    assert.deepEqual(read(held(77n, 3, 250)), { question, decision: null, ticket: 77n });
    const big = 2n ** 64n - 1n;
    assert.equal(read(held(big), { extraHeader: 16 }).ticket, big);
  });

  it('a record of an operation that was decided tells the kind, the decider, the rule and the latency', () => {
    const kinds = ['allow', 'block', 'bypass', 'emulate', 'replace', 'redirect', 'override'];
    const deciders = ['rule', 'callback', 'timeout', 'breaker', 'limit', 'exemption', 'release', 'error'];
    for (const [k, kind] of kinds.entries()) {
      for (const [d, decidedBy] of deciders.entries()) {
        const flags = (k % 2 === 0 ? P.CMB_DECIDED_DRY_RUN : 0) | (d % 2 === 0 ? P.CMB_DECIDED_ENDED : 0);
        const decided = {
          decision: k + 1,
          by: d + 1,
          flags,
          rule: 5,
          ruleset: 2,
          status: 0xc0000022,
          latency: 12_345n,
        };
        assert.deepEqual(read(decided), {
          question: null,
          decision: {
            kind,
            decidedBy,
            status: 0xc0000022,
            statusName: 'STATUS_ACCESS_DENIED',
            rule: { index: 5, name: 'rule 5 of 2' },
            latency: 12_345,
            dryRun: k % 2 === 0,
            ended: d % 2 === 0,
          },
          ticket: null,
        });
      }
    }
    const unknown = read({ decision: 1, by: 6, status: 0xe000_0001 }).decision;
    assert.deepEqual([unknown?.rule, unknown?.statusName], [null, null]);
  });

  it('a record with a damaged decision is refused', () => {
    const refused = (decided: DecidedInput, message: RegExp) => {
      assert.throws(() => read(decided), { code: 'CMB_PROTOCOL_ERROR', message });
    };
    refused({ decision: P.CMB_DECISION_NONE, by: 1 }, /the decision 0, made by 1/);
    refused({ decision: P.CMB_DECISION_DEFAULT, by: 1 }, /the decision 8/);
    refused({ decision: 1, by: 0 }, /the decision 1, made by 0/);
    refused({ decision: 1, by: 9 }, /made by 9/);
    const short = record({ notifyClass: 16, flags: P.CMB_RECORD_POST | P.CMB_RECORD_DECIDED, extraHeader: 32 });
    assert.throws(() => decode(short), { code: 'CMB_PROTOCOL_ERROR', message: /header of .* no room/ });
    assert.equal(
      each(short, (_, view) => ticketOf(view)),
      null,
    );
  });
});

describe('a breaker record', () => {
  it('a breaker record becomes an event, and is refused when it is damaged', () => {
    assert.deepEqual(decode(breakerRecord({ cookie: -7n, state: P.CMB_BREAKER_OPEN, misses: 3, coolDown: 100 })), {
      class: 'breaker',
      state: 'open',
      missedDeadlines: 3,
      coolDown: 100,
      unasked: 0n,
      cookie: -7n,
      sequence: 0n,
      time: 0n,
    });
    const closed = decode(breakerRecord({ cookie: 1n, state: P.CMB_BREAKER_CLOSED, unasked: 9n }));
    assert.ok(closed.class === 'breaker');
    assert.deepEqual([closed.state, closed.unasked], ['closed', 9n]);
    assert.throws(() => decode(breakerRecord({ cookie: 1n, state: 3 })), {
      code: 'CMB_PROTOCOL_ERROR',
      message: /state 3/,
    });
    const short = record({ kind: P.CMB_RECORD_BREAKER, bodySize: 16, keyPath: null });
    assert.throws(() => decode(short), { code: 'CMB_PROTOCOL_ERROR', message: /breaker record has 16 bytes/ });
  });
});

describe('the numbers of rules', () => {
  it('a table of rulesets keeps the last 64 that the driver has accepted', () => {
    const table = new RulesetTable();
    const rulesOf = (name: string) => ({ ...compiled, sources: [{ index: 0, name }] });
    for (let number = 1; number <= 70; number++) {
      table.propose(rulesOf(`of ${number}`));
      table.accept();
    }
    assert.deepEqual(table.find(70, 0), { index: 0, name: 'of 70' });
    assert.deepEqual(table.find(7, 0), { index: 0, name: 'of 7' });
    assert.equal(table.find(6, 0), null);
    assert.equal(table.find(70, 1), null);
    table.propose(rulesOf('refused'));
    table.propose(null);
    table.accept();
    assert.equal(table.find(71, 0), null);
  });
});

const compiled = { bytes: new Uint8Array(), ruleCount: 1, classMask: 0n, warnings: [], asks: null };
