import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { allow, block } from '../../../lib/decision/decision.js';
import { CmBridgeError } from '../../../lib/base/errors.js';
import type { Event } from '../../../lib/event/event.js';
import * as P from '../../../lib/wire/protocol.js';
import { ask, asking, askRules, askTogether, openAsking, tell } from './asking.js';
import type { FakeChannel } from '../support/fake-addon.js';
import { batch, breakerRecord, held, setValueRecord } from '../support/records.js';
import { gateway, settle } from '../support/session.js';

const { CMB_DECISION_ALLOW: ALLOW, CMB_DECISION_BLOCK: BLOCK, CMB_DECISION_DEFAULT: DEFAULT } = P;

const answersOf = (channel: FakeChannel) => channel.replies.flat().map(({ ticket, decision }) => [ticket, decision]);

describe('a question', () => {
  it('a question goes to the callback, and what that returns goes to the driver', async () => {
    const [driver, channel] = await openAsking();
    const asked: Event[] = [];
    const results: unknown[] = [undefined, allow(), block('STATUS_OBJECT_NAME_NOT_FOUND'), Promise.resolve(block())];
    await driver.registerCallback(asking, (event) => {
      asked.push(event);
      return results[asked.length - 1];
    });
    for (const ticket of [1n, 2n, 3n, 4n]) ask(channel, ticket);
    await settle();
    assert.deepEqual(
      channel.replies.flat().map(({ ticket, decision, status }) => [ticket, decision, status]),
      [
        [1n, ALLOW, 0],
        [2n, ALLOW, 0],
        [3n, BLOCK, 0xc0000034],
        [4n, BLOCK, 0xc0000022],
      ],
    );
    const [event] = asked as { question: unknown; decision: unknown }[];
    assert.deepEqual(event?.question, { deadline: 500, rule: { index: 1, name: 'careful' } });
    assert.equal(event.decision, null);
    await driver.close();
  });

  it('a question is answered together with the others of its turn, settled promises included', async () => {
    const [driver, channel] = await openAsking();
    let count = 0;
    await driver.registerCallback(asking, (event) => {
      if (event.class !== 'RegNtPreSetValueKey') return undefined;
      count++;
      if (count % 3 === 0) return undefined;
      if (count % 3 === 1) return Promise.resolve(allow());
      return (async () => {
        for (let step = 0; step < 5; step++) await Promise.resolve();
        return block();
      })();
    });
    askTogether(channel, 1n, 2n, 3n, 4n, 5n, 6n);
    await settle();
    assert.equal(count, 6);
    assert.equal(channel.replies.length, 1);
    assert.deepEqual(new Set(answersOf(channel).map(([ticket]) => ticket)), new Set([1n, 2n, 3n, 4n, 5n, 6n]));
    await driver.close();
  });

  it('a question does not wait for the rest of a large batch', async () => {
    const [driver, channel] = await openAsking();
    const repliesBy: number[] = [];
    await driver.registerCallback(asking, () => {
      repliesBy.push(channel.replies.length);
    });
    const records = Array.from({ length: 41 }, (_, index) =>
      setValueRecord('n', 1, new Uint8Array(), {
        cookie: 1000n,
        sequence: BigInt(index + 1),
        ...(index === 0 ? { decided: held(9n) } : {}),
      }),
    );
    channel.sendRaw(batch(records));
    assert.deepEqual([repliesBy[0], repliesBy[40]], [0, 1]);
    await settle();
    assert.deepEqual(answersOf(channel), [[9n, ALLOW]]);
    await driver.close();
  });

  it('a question delays nobody while its promise is pending', async () => {
    const [driver, channel] = await openAsking(1);
    const gate = gateway();
    const seen: bigint[] = [];
    await driver.registerCallback(asking, (event) => {
      seen.push(event.sequence);
      return event.sequence === 1n ? gate.promise.then(() => block()) : undefined;
    });
    ask(channel, 1n);
    await settle();
    for (const ticket of [2n, 3n]) {
      ask(channel, ticket);
      await settle();
    }
    tell(channel);
    await settle();
    assert.deepEqual(seen, [1n, 2n, 3n, 4n]);
    assert.deepEqual(answersOf(channel), [
      [2n, ALLOW],
      [3n, ALLOW],
    ]);
    gate.resolve();
    await settle();
    assert.deepEqual(answersOf(channel).at(-1), [1n, BLOCK]);
    await driver.close();
  });

  it('a question has the default of its rule when the callback throws, rejects or decides what cannot be', async () => {
    const [driver, channel] = await openAsking();
    const errors: [unknown, bigint | undefined][] = [];
    const boom = new Error('boom');
    await driver.registerCallback(
      { ...asking, onError: (error, event) => errors.push([error, event?.sequence]) },
      (event) => {
        if (event.sequence === 1n) throw boom;
        if (event.sequence === 2n) return Promise.reject(boom);
        return event.sequence === 3n ? 5 : Promise.resolve({ kind: 'emulate', answer: 'notFound' });
      },
    );
    askTogether(channel, 1n, 2n, 3n, 4n);
    await settle();
    assert.deepEqual(
      answersOf(channel),
      [1n, 3n, 2n, 4n].map((ticket) => [ticket, DEFAULT]),
    );
    assert.deepEqual(
      errors.map(([error, sequence]) => [error instanceof CmBridgeError ? error.code : error, sequence]),
      [
        [boom, 1n],
        ['CMB_INVALID_DECISION', 3n],
        [boom, 2n],
        ['CMB_INVALID_DECISION', 4n],
      ],
    );
    await driver.close();
  });

  it('a question whose record cannot be read has the default of its rule', async () => {
    const [driver, channel] = await openAsking();
    const errors: unknown[] = [];
    const callback = () => assert.fail('there is nothing to be called with');
    const registration = await driver.registerCallback({ ...asking, onError: (error) => errors.push(error) }, callback);
    ask(channel, 5n, { bodySize: 0, spans: [], body: () => undefined });
    await settle();
    assert.deepEqual(answersOf(channel), [[5n, DEFAULT]]);
    assert.equal((errors[0] as CmBridgeError).code, 'CMB_PROTOCOL_ERROR');
    await registration.unregister();
    await driver.close();
  });

  it('a question that comes before REGISTER is answered waits for the registration', async () => {
    for (const isLazy of [false, true]) {
      const [driver, channel] = await openAsking();
      const gate = gateway();
      channel.beforeAnswer = (code) => {
        if (code !== P.CMB_IOCTL_REGISTER) return undefined;
        ask(channel, 3n);
        return gate.promise;
      };
      const questions: unknown[] = [];
      const callback = ({ question }: { question?: unknown }) => {
        questions.push(question);
        return block();
      };
      const registering = isLazy
        ? driver.registerLazyCallback(asking, (event) => callback(event as object))
        : driver.registerCallback(asking, (event) => callback(event as object));
      await settle();
      assert.equal(channel.replies.length, 0);
      gate.resolve();
      await registering;
      await settle();
      assert.deepEqual(questions, [{ deadline: 500, rule: { index: 1, name: 'careful' } }]);
      assert.deepEqual(answersOf(channel), [[3n, BLOCK]]);
      await driver.close();
    }
  });

  it('a question is answered by a lazy callback, too', async () => {
    const [driver, channel] = await openAsking();
    const errors: unknown[] = [];
    await driver.registerLazyCallback({ ...asking, onError: (error) => errors.push(error) }, (event) => {
      if (event.class === 'gap' || event.class === 'breaker') return undefined;
      return event.question?.deadline === 500 && event.sequence === 1n ? block() : 'x';
    });
    ask(channel, 1n);
    ask(channel, 2n);
    await settle();
    assert.deepEqual(answersOf(channel), [
      [1n, BLOCK],
      [2n, DEFAULT],
    ]);
    assert.equal((errors[0] as CmBridgeError).code, 'CMB_INVALID_DECISION');
    await driver.close();
  });
});

describe('rules that ask', () => {
  it('rules that ask need a callback, at once and with setRules()', async () => {
    const [driver, channel] = await openAsking();
    const refused = { code: 'CMB_INVALID_ARGUMENT', message: /^rules\[1\] \("careful"\) asks/ };
    await assert.rejects(driver.registerCallback(asking), refused);
    await assert.rejects(driver.registerLazyCallback(asking), refused);
    assert.equal(channel.registered.size, 0);
    const watching = await driver.registerCallback({ altitude: '1' });
    await assert.rejects(watching.setRules(askRules), refused);
    assert.equal(watching.rules, null);
    const deciding = await driver.registerCallback({ altitude: '2' }, () => undefined);
    await deciding.setRules(askRules);
    await driver.close();
  });

  it('rules that ask are known by the number of their program', async () => {
    const [driver, channel] = await openAsking();
    const names: unknown[] = [];
    const registration = await driver.registerCallback(asking, (event) => {
      if ('question' in event) names.push(event.question?.rule);
    });
    const rule = { operations: 'SetValueKey', action: 'ask' } as const;
    let isLate = false;
    // Records of the new rules overtake the answer to SET_RULES.
    channel.beforeAnswer = async (code) => {
      if (code !== P.CMB_IOCTL_SET_RULES) return;
      ask(channel, 1n, { decided: { ...held(1n, 0), ruleset: 2 } });
      await settle();
      isLate = names.length === 1;
    };
    await registration.setRules([{ ...rule, name: 'second' }]);
    assert.ok(isLate);
    channel.beforeAnswer = () => undefined;
    channel.addon.refusal = { reason: P.CMB_RULES_REASON_COUNT, offset: 0 };
    await assert.rejects(registration.setRules([{ ...rule, name: 'refused' }]), { code: 'CMB_RULES_REFUSED' });
    channel.addon.refusal = null;
    await registration.setRules([rule]);
    ask(channel, 2n, { decided: { ...held(2n, 1), ruleset: 1 } });
    ask(channel, 3n, { decided: { ...held(3n, 0), ruleset: 3 } });
    ask(channel, 4n, { decided: { ...held(4n, 0), ruleset: 9 } });
    ask(channel, 5n, { decided: { ...held(5n, 7), ruleset: 3 } });
    ask(channel, 6n, { decided: { ...held(6n, P.CMB_RULES_NONE), ruleset: 3 } });
    await settle();
    assert.deepEqual(names, [
      { index: 0, name: 'second' },
      { index: 1, name: 'careful' },
      { index: 0, name: null },
      null,
      null,
      null,
    ]);
    await driver.close();
  });
});

describe('the end of a registration', () => {
  it('unregister() does not wait for promises of questions, and nothing is sent after it', async () => {
    const [driver, channel] = await openAsking();
    const gate = gateway();
    const errors: unknown[] = [];
    const registration = await driver.registerCallback(
      { ...asking, onError: (error) => errors.push(error) },
      async (event) => {
        await gate.promise;
        if (event.sequence === 2n) throw new Error('late');
        return event.sequence === 3n ? 5 : block();
      },
    );
    for (const ticket of [1n, 2n, 3n]) ask(channel, ticket);
    await settle();
    await registration.unregister();
    gate.resolve();
    await settle();
    assert.deepEqual(channel.replies, []);
    // What the program itself has thrown is not lost.
    assert.deepEqual(errors, [new Error('late')]);
    await driver.close();
  });

  it('a driver that is closed or goes away sends no answers of promises that settle later', async () => {
    for (const goes of [false, true]) {
      const [driver, channel] = await openAsking();
      const gate = gateway();
      const errors: unknown[] = [];
      await driver.registerCallback({ ...asking, onError: (error) => errors.push(error) }, () =>
        gate.promise.then(() => block()),
      );
      ask(channel, 1n);
      await settle();
      if (goes) channel.onEnd(0xc0000120);
      await driver.close();
      gate.resolve();
      await settle();
      assert.deepEqual(channel.replies, []);
      assert.deepEqual(
        errors.map((error) => (error as CmBridgeError).code),
        goes ? ['CMB_DRIVER_GONE'] : [],
      );
    }
  });

  it('a registration that persists is not unregistered when its driver is closed', async () => {
    const [driver, channel] = await openAsking();
    const staying = await driver.registerCallback({ altitude: '1', persist: 'until-unload' });
    const leaving = await driver.registerCallback({ altitude: '2' });
    await driver.close();
    assert.deepEqual([...channel.registered.values()], ['1']);
    assert.deepEqual([staying.active, leaving.active], [false, false]);
  });
});

describe('a breaker', () => {
  it('a breaker is told to the callback and to iterators, lazy ones too, and counts as no event', async () => {
    const [driver, channel] = await openAsking();
    const called: unknown[] = [];
    const registration = await driver.registerCallback(asking, (event) => {
      called.push(event.class === 'breaker' ? event.state : event.class);
    });
    const lazy = await driver.registerLazyCallback({ ...asking, altitude: '2' }, (event) => {
      called.push(event.class === 'breaker' ? [event.state, event.cookie] : event.class);
    });
    const iterator = registration.events();
    channel.tell(breakerRecord({ cookie: registration.cookie, state: P.CMB_BREAKER_OPEN }));
    tell(channel, { notifyClass: 0 });
    channel.tell(breakerRecord({ cookie: registration.cookie, state: P.CMB_BREAKER_CLOSED, unasked: 3n }));
    channel.tell(breakerRecord({ cookie: lazy.cookie, state: P.CMB_BREAKER_OPEN }));
    await settle();
    assert.deepEqual(called, ['open', 'RegNtPreDeleteKey', 'closed', ['open', lazy.cookie]]);
    await registration.unregister();
    const iterated: unknown[] = [];
    for await (const event of iterator) iterated.push(event.class);
    assert.deepEqual(iterated, ['breaker', 'RegNtPreDeleteKey', 'breaker']);
    assert.deepEqual(channel.replies, []);
    await driver.close();
  });
});
