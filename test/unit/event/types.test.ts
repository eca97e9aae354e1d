import { it } from 'node:test';
import { expectTypeOf } from 'expect-type';
import type {
  BodyFields,
  BreakerEvent,
  Event,
  GapEvent,
  NotificationEvent,
  NotificationFields,
  NotificationOf,
  UnknownEvent,
} from '../../../lib/event/event.js';
import type { BodyKind, NotifyClassName } from '../../../lib/registry/notify-class.js';
import type { RegistryValue } from '../../../lib/registry/registry-value.js';

// What is proved here is proved by the compiler; the tests run so that the file is one.

type Of<C extends Event['class']> = Extract<Event, { class: C }>;

it('every class is a member of the union, with exactly the fields of its body', () => {
  expectTypeOf<NotifyClassName>().toExtend<Event['class']>();
  expectTypeOf<Exclude<Event['class'], NotifyClassName>>().toEqualTypeOf<'unknown' | 'gap' | 'breaker'>();
  expectTypeOf<Of<'RegNtPreSetValueKey'>>().toEqualTypeOf<NotificationOf<'RegNtPreSetValueKey'>>();
  type Extra<N extends NotifyClassName> = Exclude<keyof Of<N>, keyof NotificationFields>;
  expectTypeOf<Extra<'RegNtPreFlushKey'>>().toEqualTypeOf<never>();
  expectTypeOf<Extra<'RegNtPostRenameKey'>>().toEqualTypeOf<'newName' | 'newPath' | 'newKey'>();
  expectTypeOf<Extra<'RegNtPreSetValueKey'>>().toEqualTypeOf<
    'valueName' | 'value' | 'titleIndex' | 'previous' | 'changed'
  >();
  expectTypeOf<Extra<'RegNtCallbackObjectContextCleanup'>>().toEqualTypeOf<'opener'>();
  expectTypeOf<Extra<'RegNtPostSaveMergedKey'>>().toEqualTypeOf<'fileName' | 'lowKeyPath' | 'lowKey'>();
  expectTypeOf<keyof BodyFields>().toEqualTypeOf<BodyKind>();
});

it('the class narrows to number, phase and operation', () => {
  expectTypeOf<Of<'RegNtPostCreateKeyEx'>['notifyClass']>().toEqualTypeOf<27>();
  expectTypeOf<Of<'RegNtPostCreateKeyEx'>['phase']>().toEqualTypeOf<'post'>();
  expectTypeOf<Of<'RegNtPostCreateKeyEx'>['operation']>().toEqualTypeOf<'CreateKey'>();
  expectTypeOf<Of<'RegNtCallbackObjectContextCleanup'>['phase']>().toEqualTypeOf<'cleanup'>();
});

it('operation and phase narrow, too', () => {
  const inspect = (event: Event): void => {
    if (event.class === 'gap') {
      expectTypeOf(event).toEqualTypeOf<GapEvent>();
      return;
    }
    if (event.class === 'breaker') {
      expectTypeOf(event).toEqualTypeOf<BreakerEvent>();
      return;
    }
    if (event.operation === 'SetValueKey') {
      expectTypeOf(event.class).toEqualTypeOf<'RegNtPreSetValueKey' | 'RegNtPostSetValueKey'>();
      expectTypeOf(event.value).toEqualTypeOf<RegistryValue>();
      expectTypeOf(event.changed).toEqualTypeOf<boolean | null>();
      if (event.phase === 'post') expectTypeOf(event.class).toEqualTypeOf<'RegNtPostSetValueKey'>();
    }
    if (event.phase === 'post') {
      expectTypeOf(event.status).toEqualTypeOf<number>();
      expectTypeOf(event.statusName).toEqualTypeOf<string | null>();
      expectTypeOf(event.duration).toEqualTypeOf<bigint | null>();
    }
    if (event.phase === 'pre') {
      expectTypeOf(event.status).toEqualTypeOf<null>();
      expectTypeOf(event.preSequence).toEqualTypeOf<null>();
    }
    if (event.operation === null) expectTypeOf(event).toEqualTypeOf<UnknownEvent>();
  };
  expectTypeOf(inspect).toBeFunction();
});

it('a value narrows by type, an answer by class', () => {
  const inspect = (value: RegistryValue, event: Of<'RegNtPostQueryKey'>): void => {
    if (value.type === 'REG_DWORD' && !value.malformed) expectTypeOf(value.data).toEqualTypeOf<number>();
    if (value.type === 'REG_DWORD' && value.malformed) expectTypeOf(value.data).toEqualTypeOf<Uint8Array>();
    if (value.type === 'REG_MULTI_SZ' && !value.malformed) expectTypeOf(value.data).toEqualTypeOf<readonly string[]>();
    if (event.information?.class === 'KeyFullInformation') {
      expectTypeOf(event.information.subKeys).toEqualTypeOf<number | null>();
    }
  };
  expectTypeOf(inspect).toBeFunction();
});

it('fields that a class lacks are errors', () => {
  const inspect = (event: Event): void => {
    // @ts-expect-error a gap has no key
    void event.key;
    if (event.class === 'RegNtPreFlushKey') {
      // @ts-expect-error nothing is flushed by value
      void event.valueName;
    }
    if (event.class === 'RegNtPreDeleteValueKey') {
      void event.previous;
      // @ts-expect-error what is deleted has no new value
      void event.value;
    }
    if (event.class === 'RegNtPreQueryKey') {
      // @ts-expect-error only enumerations have an index
      void event.index;
    }
    if (event.class === 'unknown') {
      // @ts-expect-error a class that is not known has common fields only
      void event.valueName;
    }
    // @ts-expect-error only Windows XP has this class
    if (event.class === 'RegNtPreCreateKey') return;
    if (event.class === 'RegNtPreSetValueKey') {
      // @ts-expect-error events are read-only
      event.valueName = null;
    }
  };
  expectTypeOf(inspect).toBeFunction();
});

it('a switch over every class is exhaustive', () => {
  const describe = (event: Event): string => {
    switch (event.class) {
      case 'gap':
        return `${event.count} lost`;
      case 'breaker':
        return event.state;
      case 'unknown':
        return String(event.notifyClass);
      default:
        return byOperation(event);
    }
  };
  const byOperation = (event: NotificationEvent): string => {
    switch (event.operation) {
      case 'CreateKey':
      case 'OpenKey':
        return `${event.requestedName ?? '?'} ${event.hop}`;
      case 'SetValueKey':
        return event.value.type;
      case 'DeleteValueKey':
        return event.previous?.value?.type ?? '';
      case 'DeleteKey':
        return String(event.subKeyCount);
      case 'RenameKey':
        return event.newPath ?? '';
      case 'SetInformationKey':
        return event.information?.class ?? '';
      case 'EnumerateKey':
      case 'EnumerateValueKey':
        return String(event.index);
      case 'QueryKey':
      case 'QueryValueKey':
        return String(event.resultLength);
      case 'QueryMultipleValueKey':
        return String(event.entries.length);
      case 'KeyHandleClose':
      case 'CallbackObjectContextCleanup':
        return String(event.opener?.id);
      case 'LoadKey':
        return event.sourceFile ?? '';
      case 'UnLoadKey':
        return String(event.hasUserEvent);
      case 'QueryKeySecurity':
      case 'SetKeySecurity':
        return event.securityDescriptor?.sddl ?? '';
      case 'RestoreKey':
        return String(event.restoreFlags.value);
      case 'SaveKey':
        return String(event.format.value);
      case 'SaveMergedKey':
        return event.lowKey ?? '';
      case 'ReplaceKey':
        return event.oldFileName ?? '';
      case 'QueryKeyName':
        return event.name ?? '';
      case 'FlushKey':
        return '';
      default:
        return event satisfies never;
    }
  };
  expectTypeOf(describe).returns.toEqualTypeOf<string>();
});
