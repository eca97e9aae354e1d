import { it } from 'node:test';
import { expectTypeOf } from 'expect-type';
import {
  allow,
  block,
  bypass,
  emulate,
  override,
  redirect,
  replace,
  type AllowDecision,
  type BlockDecision,
  type BypassDecision,
  type Decision,
  type DecisionFor,
  type DecisionKind,
  type NotificationEvent,
  type NotificationOf,
  type NotifyClassName,
  type RedirectDecision,
  type ReplaceDecision,
} from '../../../lib/index.js';

// What is proved here is proved by the compiler; the tests run so that the file is one.

type For<N extends NotifyClassName> = DecisionFor<NotificationOf<N>>;

it('the type of what suits a class is a Decision, and allow() suits every class', () => {
  expectTypeOf<DecisionFor<NotificationEvent>>().toExtend<Decision>();
  expectTypeOf<DecisionKind>().toEqualTypeOf<Decision['kind']>();
  type Allowing = { [N in NotifyClassName]: AllowDecision extends For<N> ? true : N };
  expectTypeOf<Allowing>().toEqualTypeOf<Record<NotifyClassName, true>>();
});

it('the type of a class has exactly the kinds of decision that suit it', () => {
  expectTypeOf<For<'RegNtPreSetValueKey'>>().toEqualTypeOf<
    AllowDecision | BlockDecision | BypassDecision | ReplaceDecision
  >();
  expectTypeOf<For<'RegNtPreOpenKeyEx'>>().toEqualTypeOf<AllowDecision | BlockDecision | RedirectDecision>();
  expectTypeOf<For<'RegNtPreRenameKey'>>().toEqualTypeOf<AllowDecision | BlockDecision | BypassDecision>();
  expectTypeOf<For<'RegNtPreQueryKeyName'>>().toEqualTypeOf<AllowDecision>();
  expectTypeOf<For<'RegNtPreKeyHandleClose'>>().toEqualTypeOf<AllowDecision>();
  expectTypeOf<For<'RegNtCallbackObjectContextCleanup'>>().toEqualTypeOf<AllowDecision>();
  expectTypeOf<For<'RegNtPreQueryValueKey'>['kind']>().toEqualTypeOf<'allow' | 'block' | 'emulate'>();
  expectTypeOf<For<'RegNtPostQueryValueKey'>['kind']>().toEqualTypeOf<'allow' | 'override'>();
  expectTypeOf<For<'RegNtPostCreateKeyEx'>['kind']>().toEqualTypeOf<'allow' | 'redirect' | 'override'>();
});

function handler<N extends NotifyClassName>(_name: N, _decide: (event: NotificationOf<N>) => For<N>): void {
  // Only its type matters.
}

it('the types let a handler return what suits its class', () => {
  handler('RegNtPreQueryValueKey', () => emulate({ type: 'REG_SZ', data: 'x' }));
  handler('RegNtPreQueryValueKey', (event) => (event.valueName === 'v' ? emulate('notFound') : allow()));
  handler('RegNtPreQueryValueKey', () => emulate('STATUS_ACCESS_DENIED'));
  handler('RegNtPreQueryValueKey', () => emulate(0xc0000034));
  handler('RegNtPreQueryValueKey', () => emulate({ bytes: Uint8Array.of(1) }));
  handler('RegNtPreEnumerateValueKey', () => emulate({ name: 'v', data: 7 }));
  handler('RegNtPreEnumerateKey', ({ index }) => (index === 0 ? emulate({ name: 'Key' }) : emulate('noMoreEntries')));
  handler('RegNtPreQueryKey', () => emulate({ name: 'Key', subKeys: 1 }));
  handler('RegNtPreQueryMultipleValueKey', ({ entries }) => emulate(entries.map(() => ({ data: 'x' }))));
  handler('RegNtPreQueryKeySecurity', () => emulate('O:SYG:SY'));
  handler('RegNtPreSetValueKey', ({ value }) => (value.type === 'REG_SZ' ? replace('y') : block('STATUS_DATA_ERROR')));
  handler('RegNtPreDeleteKey', () => bypass());
  handler('RegNtPreOpenKeyEx', () => redirect('HKLM\\SOFTWARE'));
  handler('RegNtPostSetValueKey', () => override('STATUS_CANCELLED', { undo: true }));
  handler('RegNtPostQueryValueKey', () => override('STATUS_SUCCESS', { output: { data: 'x' } }));
  handler('RegNtPostQueryKey', ({ information }) =>
    information?.class === 'KeyFullInformation'
      ? override('STATUS_SUCCESS', { output: { ...information, subKeys: 0 } })
      : allow(),
  );
});

it('the types keep a handler from returning what does not suit its class', () => {
  // @ts-expect-error A query changes nothing that could be replaced.
  handler('RegNtPreQueryValueKey', () => replace('x'));
  // @ts-expect-error It has to answer something.
  handler('RegNtPreQueryValueKey', () => bypass());
  // @ts-expect-error An enumeration ends with noMoreEntries.
  handler('RegNtPreEnumerateValueKey', () => emulate('notFound'));
  // @ts-expect-error Nobody knows the name of an enumerated value but who answers.
  handler('RegNtPreEnumerateValueKey', () => emulate({ data: 7 }));
  // @ts-expect-error Several values were asked for.
  handler('RegNtPreQueryMultipleValueKey', () => emulate({ data: 'x' }));
  // @ts-expect-error It is no query.
  handler('RegNtPreSetValueKey', () => emulate('notFound'));
  // @ts-expect-error Its time is over.
  handler('RegNtPostSetValueKey', () => block());
  // @ts-expect-error Only queries have an output.
  handler('RegNtPostSetValueKey', () => override('STATUS_SUCCESS', { output: { data: 'x' } }));
  // @ts-expect-error A rename cannot be undone.
  handler('RegNtPostRenameKey', () => override('STATUS_CANCELLED', { undo: true }));
  // @ts-expect-error A close cannot be stopped.
  handler('RegNtPreKeyHandleClose', () => block());
  // @ts-expect-error There is no such type.
  handler('RegNtPreQueryValueKey', () => emulate({ type: 'REG_STRING', data: 'x' }));
  // @ts-expect-error There is no such status.
  handler('RegNtPreDeleteKey', () => block('STATUS_DENIED'));
});
