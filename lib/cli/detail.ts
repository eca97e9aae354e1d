// What a line of `cmbridge watch` says about an operation beside its key: values, names, options, results.

import type {
  CloseFields,
  CreateFields,
  NotificationEvent,
  NotificationOf,
  SetValueFields,
  UnknownEvent,
} from '../event/event.js';
import type { Flags } from '../registry/flags.js';
import { processName } from './process-name.js';
import { formatValue, formatValueName } from './value-text.js';

/** What else there is to say about an operation besides its key and its status; empty when that is all. */
export function formatDetail(event: NotificationEvent | UnknownEvent): string {
  switch (event.operation) {
    case 'CreateKey':
    case 'OpenKey':
      return formatCreate(event);
    case 'SetValueKey':
      return formatSetValue(event);
    case 'DeleteValueKey': {
      const old = event.previous?.value ?? null;
      return words(formatValueName(event.valueName), old === null ? '' : `was ${formatValue(old)}`);
    }
    case 'DeleteKey':
      if (event.valueCount === null || event.subKeyCount === null) return '';
      return `${count(event.valueCount, 'value')}, ${count(event.subKeyCount, 'subkey')}`;
    case 'RenameKey':
      return `to ${event.newKey ?? event.newPath ?? event.newName ?? '?'}`;
    case 'SetInformationKey':
      return event.informationClass;
    case 'EnumerateKey':
      return words(`#${event.index}`, nameIn(event.information) ?? event.informationClass);
    case 'QueryKey':
      return event.informationClass;
    case 'EnumerateValueKey':
    case 'QueryValueKey':
      return formatQueryValue(event);
    case 'QueryMultipleValueKey':
      return words(event.entries.map(({ valueName }) => formatValueName(valueName)).join(', '));
    case 'KeyHandleClose':
    case 'CallbackObjectContextCleanup':
      return formatOpener(event);
    case 'LoadKey':
      return words(`from ${event.sourceFile ?? '?'}`, flagNames(event.loadFlags));
    case 'RestoreKey':
      return words(`from ${event.fileName ?? '?'}`, flagNames(event.restoreFlags));
    case 'SaveKey':
      return words(`to ${event.fileName ?? '?'}`, flagNames(event.format));
    case 'SaveMergedKey':
      return `over ${event.lowKey ?? event.lowKeyPath ?? '?'} to ${event.fileName ?? '?'}`;
    case 'ReplaceKey':
      return `by ${event.newFileName ?? '?'}, old kept as ${event.oldFileName ?? '?'}`;
    case 'QueryKeySecurity':
    case 'SetKeySecurity':
      return event.securityDescriptor?.sddl ?? flagNames(event.securityInformation);
    case 'UnLoadKey':
    case 'FlushKey':
    case 'QueryKeyName':
    case null:
      return '';
  }
}

function formatCreate({ disposition, hop }: CreateFields): string {
  return words(disposition ?? '', hop === 0 ? '' : `link hop ${hop}`);
}

function formatSetValue({ valueName, value, previous, changed }: SetValueFields): string {
  const name = formatValueName(valueName);
  const text = formatValue(value);
  if (changed === false) return `${name} = ${text} (unchanged)`;
  if (previous?.exists === false) return `${name} = ${text} (new)`;
  const old = previous?.value ?? null;
  return old === null ? `${name} = ${text}` : `${name}: ${formatValue(old)} -> ${text}`;
}

type QueryValue = NotificationOf<
  'RegNtPreQueryValueKey' | 'RegNtPostQueryValueKey' | 'RegNtPreEnumerateValueKey' | 'RegNtPostEnumerateValueKey'
>;

function formatQueryValue(event: QueryValue): string {
  const { information } = event;
  const index = 'index' in event ? `#${event.index}` : '';
  const name = 'valueName' in event ? event.valueName : nameIn(information);
  const value = information !== null && 'value' in information ? information.value : null;
  const shownName = name === null && index !== '' ? '' : formatValueName(name);
  if (value === null) return words(index, shownName, information === null ? event.informationClass : '');
  return words(index, shownName, `= ${formatValue(value)}`);
}

function nameIn(information: object | null): string | null {
  return information !== null && 'name' in information && typeof information.name === 'string'
    ? information.name
    : null;
}

/** Worth telling when another process closes what this one opened. */
function formatOpener({ opener, process }: CloseFields & Pick<NotificationEvent, 'process'>): string {
  if (opener === null || (opener.startKey === process.startKey && opener.id === process.id)) return '';
  return `opened by ${processName(opener)} (${opener.id})`;
}

function flagNames({ names }: Flags): string {
  return names.join(' | ');
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

function words(...parts: string[]): string {
  return parts.filter((part) => part !== '').join(' ');
}
