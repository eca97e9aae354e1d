import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { expectTypeOf } from 'expect-type';
import {
  guardedByDefault,
  type Driver,
  type Event,
  type EventCallback,
  type EventQuestion,
  type Guard,
  type GuardEvent,
  type GuardOptions,
  type Registration,
  type RegisterOptions,
  type RegistryValue,
  type Rule,
} from '../../../lib/index.js';
import { allow, block, bypass, emulate, replace } from '../../../lib/decision/decision.js';
import { startGuard } from '../../../lib/guard/guard.js';
import type { GuardHandlerInput } from '../../../lib/guard/guard-rules.js';
import { compileRules } from '../../../lib/rules/program/compile.js';

const run = 'HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Run';

/** A registration that notes what it is given, and compiles rules as the real one does. */
class FakeRegistration {
  readonly rules: (readonly Rule[])[] = [];
  options: RegisterOptions | null = null;
  callback: EventCallback = () => assert.fail('nothing is registered');
  isUnregistered = false;

  async guard(options: Partial<GuardOptions>, handler: unknown): Promise<Guard> {
    const register = async (registering: RegisterOptions, callback: EventCallback) => {
      await this.setRules(registering.rules as readonly Rule[]);
      this.options = registering;
      this.callback = callback;
      return this as unknown as Registration;
    };
    return startGuard(register, { altitude: '1', keys: run, ...options }, handler as GuardHandlerInput);
  }

  setRules(rules: readonly Rule[]) {
    return Promise.resolve().then(() => {
      compileRules(rules);
      this.rules.push(rules);
      return { sequence: BigInt(this.rules.length) };
    });
  }

  unregister() {
    this.isUnregistered = true;
    return Promise.resolve();
  }

  /** The callback's answer to an event with these fields. */
  deliver(event: object): unknown {
    return this.callback({ question: null, decision: null, ...event } as unknown as Event, this as never);
  }

  ask(operation: string): unknown {
    return this.deliver({ class: `RegNtPre${operation}`, operation, phase: 'pre', question: { deadline: 500 } });
  }
}

async function rulesOf(options: Partial<GuardOptions>, handler: unknown = () => undefined): Promise<readonly Rule[]> {
  const fake = new FakeRegistration();
  await fake.guard(options, handler);
  return fake.rules[0] ?? [];
}

describe('a guard', () => {
  it('a guard asks about what changes something, and what takes the keys along', async () => {
    assert.deepEqual(await rulesOf({}), [
      { name: 'guard', keys: run, operations: guardedByDefault, ancestors: true, action: 'ask' },
    ]);
    const reads = { operations: ['QueryValueKey', 'OpenKey'] as const, valueNames: 'x', deadline: 20 };
    assert.deepEqual(await rulesOf(reads), [{ name: 'guard', keys: run, ...reads, ancestors: false, action: 'ask' }]);
    const [anywhere] = await rulesOf({ keys: undefined, process: { image: 'x.exe' } });
    assert.equal(anywhere?.ancestors, false);
    const [open] = await rulesOf({ ancestors: false, onTimeout: 'block', status: 'STATUS_OBJECT_NAME_NOT_FOUND' });
    assert.deepEqual(
      [open?.ancestors, open?.onTimeout, open?.status],
      [false, 'block', 'STATUS_OBJECT_NAME_NOT_FOUND'],
    );
  });

  it('a guard asks about the operations that have a handler', async () => {
    const handler = () => undefined;
    const operationsOf = async (handlers: object) => (await rulesOf({}, handlers))[0]?.operations;
    assert.deepEqual(await operationsOf({ SetValueKey: handler, DeleteKey: undefined }), ['SetValueKey']);
    assert.deepEqual(await operationsOf({ default: handler }), [...guardedByDefault]);
    assert.deepEqual(await operationsOf({ QueryKey: handler, SetValueKey: handler, default: handler }), [
      'QueryKey',
      'SetValueKey',
      ...guardedByDefault.filter((name) => name !== 'SetValueKey'),
    ]);
  });

  it('a guard lets its exceptions through first', async () => {
    const installer = { process: { image: 'msiexec.exe' } };
    assert.deepEqual((await rulesOf({ except: [{ name: 'mine', keys: `${run}\\Mine` }, installer] })).slice(0, 2), [
      { name: 'mine', keys: `${run}\\Mine`, action: 'ignore' },
      { name: 'except[1]', ...installer, action: 'ignore' },
    ]);
    assert.equal((await rulesOf({ except: installer }))[0]?.name, 'except');
  });

  it('a guard gives a question to the handler of its operation, and answers with what that says', async () => {
    const fake = new FakeRegistration();
    const told: string[] = [];
    await fake.guard(
      { onDecision: ({ operation }) => told.push(`decided ${operation}`), onBreaker: ({ state }) => told.push(state) },
      { SetValueKey: () => Promise.resolve(block()), default: ({ operation }: GuardEvent) => told.push(operation) },
    );
    assert.deepEqual(await fake.ask('SetValueKey'), block());
    assert.equal(fake.ask('RenameKey'), 1);
    fake.deliver({ class: 'RegNtPostRenameKey', operation: 'RenameKey', phase: 'post', decision: { kind: 'allow' } });
    fake.deliver({ class: 'RegNtPostRenameKey', operation: 'RenameKey', phase: 'post' });
    fake.deliver({ class: 'breaker', state: 'open' });
    fake.deliver({ class: 'gap', count: 1n });
    fake.deliver({ class: 'unknown' });
    assert.deepEqual(told, ['RenameKey', 'decided RenameKey', 'open']);
    const quiet = new FakeRegistration();
    await quiet.guard({}, () => bypass());
    assert.deepEqual(quiet.ask('SetValueKey'), bypass());
    assert.equal(quiet.deliver({ class: 'RegNtPostX', phase: 'post', decision: { kind: 'allow' } }), undefined);
    assert.equal(quiet.deliver({ class: 'breaker', state: 'open' }), undefined);
  });

  it('a guard passes on what a registration takes', async () => {
    const fake = new FakeRegistration();
    const onError = () => undefined;
    const { signal } = new AbortController();
    const options = { dryRun: true, exemptChildren: true, persist: 'until-unload', oldValues: true } as const;
    const breaker = { missedDeadlines: 2, coolDown: 100 };
    await fake.guard({ ...options, breaker, maxDataBytes: 10, onError, signal }, allow);
    const { rules, ...registering } = fake.options ?? {};
    assert.deepEqual(registering, { altitude: '1', ...options, breaker, maxDataBytes: 10, onError, signal });
    assert.equal(rules, fake.rules[0]);
  });

  it('a guard changes what it guards, one change after the other', async () => {
    const fake = new FakeRegistration();
    const guard = await fake.guard({ deadline: 50, except: { process: { id: 4 } } }, allow);
    const [first, second] = await Promise.all([guard.update({ keys: 'HKLM\\A' }), guard.update({ except: undefined })]);
    assert.deepEqual([first, second], [{ sequence: 2n }, { sequence: 3n }]);
    assert.deepEqual(
      fake.rules.slice(1).map((rules) => rules.map(({ name, keys, deadline }) => [name, keys, deadline])),
      [
        [
          ['except', undefined, undefined],
          ['guard', 'HKLM\\A', 50],
        ],
        [['guard', 'HKLM\\A', 50]],
      ],
    );
    await assert.rejects(guard.update({ keys: 'X' }), { code: 'CMB_INVALID_RULES', message: /^keys: "X" does not/ });
    await assert.rejects(guard.update({ altitude: '2' } as object), { code: 'CMB_UNKNOWN_OPTION' });
    await guard.update({ deadline: undefined });
    assert.deepEqual(
      fake.rules.at(-1)?.map(({ keys, deadline }) => [keys, deadline]),
      [['HKLM\\A', undefined]],
    );
    await guard[Symbol.asyncDispose]();
    assert.ok(fake.isUnregistered);
  });

  it('a guard says what is wrong, and where in its options', async () => {
    const handler = () => undefined;
    const cases: [options: object, handler: unknown, message: RegExp, code?: string][] = [
      [{}, undefined, /^A guard needs a handler, .*not undefined$/],
      [{}, {}, /the object has none/],
      [
        {},
        { SetValuKey: handler },
        /^There is no operation "SetValuKey" to decide about\. Did you mean "SetValueKey"\?/,
      ],
      [{}, { KeyHandleClose: handler }, /^There is no operation "KeyHandleClose" to decide about/],
      [{}, { SetValueKey: 7 }, /^The handler of SetValueKey must be a function, not 7/],
      [{ operations: ['SetValueKey', 'DeleteKey'] }, { SetValueKey: handler }, /has DeleteKey, which has no handler/],
      [{ except: {} }, handler, /^"except" has no condition/],
      [{ except: [{ name: 'x' }] }, handler, /^"except\[0\]" has no condition/],
      [{ except: [{ action: 'notify' }] }, handler, /^except\[0\] has no option "action"/, 'CMB_UNKNOWN_OPTION'],
      [{ except: [{ keys: 'X' }] }, handler, /^except\[0\]\.keys: "X" does not begin/, 'CMB_INVALID_RULES'],
      [{ except: { keys: 'X' } }, handler, /^except\.keys: "X" does not begin/, 'CMB_INVALID_RULES'],
      [{ keys: [run, 'X'] }, handler, /^keys\[1\]: "X" does not begin/, 'CMB_INVALID_RULES'],
      [{ except: { keys: run }, deadline: 5 }, handler, /^deadline: must be an integer from 10/, 'CMB_INVALID_RULES'],
      [{ operations: 'KeyHandleClose' }, handler, /^operations\[0\]: "KeyHandleClose" cannot/, 'CMB_INVALID_RULES'],
      [{ operations: 'Write' }, handler, /^operations\[0\]: must be an operation/, 'CMB_INVALID_RULES'],
      [{ status: 'STATUS_ACCESS_DENIED' }, handler, /^status: .*"onTimeout": "block"/, 'CMB_INVALID_RULES'],
      [{ operations: 'OpenKey', ancestors: true }, handler, /^ancestors: is about RenameKey/, 'CMB_INVALID_RULES'],
      [{ ancestors: 1 }, handler, /^"ancestors" must be true or false/],
      [{ onDecision: 7 }, handler, /^"onDecision" must be a function/],
      [{ onBreaker: 7 }, handler, /^"onBreaker" must be a function/],
      [{ rules: [] }, handler, /^guard\(\) has no option "rules"/, 'CMB_UNKNOWN_OPTION'],
    ];
    for (const [options, given, message, code = 'CMB_INVALID_ARGUMENT'] of cases) {
      await assert.rejects(new FakeRegistration().guard(options, given), { message, code }, String(message));
    }
  });

  it('a guard types the handlers by their operations', () => {
    const guard = (driver: Driver) => driver.guard.bind(driver);
    expectTypeOf(guard).toBeFunction();
    // Never called: what matters is what the compiler says.
    const check = async (driver: Driver) => {
      await driver.guard({ altitude: '1', operations: 'SetValueKey' }, (event) => {
        expectTypeOf(event.value).toEqualTypeOf<RegistryValue>();
        expectTypeOf(event.question).toEqualTypeOf<EventQuestion>();
        return event.valueName === 'x' ? replace({ type: 'REG_SZ', data: 'y' }) : undefined;
      });
      await driver.guard(
        { altitude: '1' },
        {
          SetValueKey: ({ value }) => Promise.resolve(value.type === 'REG_SZ' ? block() : bypass()),
          QueryValueKey: ({ valueName }) => (valueName === 'x' ? emulate({ data: 1 }) : allow()),
          // @ts-expect-error A query has something to answer.
          QueryKey: () => bypass(),
          // @ts-expect-error Only a query can be emulated.
          DeleteKey: () => emulate({ data: 1 }),
          default(event) {
            expectTypeOf(event.phase).toEqualTypeOf<'pre'>();
          },
        },
      );
      await driver.guard({ altitude: '1' }, (event) => {
        expectTypeOf(event.operation).toEqualTypeOf<(typeof guardedByDefault)[number]>();
      });
      // @ts-expect-error Nobody is asked about a close.
      await driver.guard({ altitude: '1', operations: 'KeyHandleClose' }, () => block());
      // @ts-expect-error There is no such handler.
      await driver.guard({ altitude: '1' }, { KeyHandleClose: () => block() });
    };
    expectTypeOf(check).parameter(0).toEqualTypeOf<Driver>();
  });
});
