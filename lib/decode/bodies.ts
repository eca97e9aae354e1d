// The decoder of each body, by its kind.

import type { BodyFields } from '../event/event.js';
import type { BodyKind } from '../registry/notify-class.js';
import type { RecordView } from '../wire/record.js';
import type { Body, Draft } from './header.js';
import { decodeLoad, decodeReplace, decodeRestore, decodeSave, decodeSaveMerged, decodeUnload } from './hives.js';
import { decodeClose, decodeCreate, decodeQueryName, decodeRename, decodeSecurity } from './keys.js';
import type { ProcessFinder } from './process-table.js';
import {
  decodeEnumerateKey,
  decodeEnumerateValue,
  decodeQueryKey,
  decodeQueryValue,
  decodeSetInformation,
} from './queries.js';
import { decodeDeleteKey, decodeDeleteValue, decodeQueryMultiple, decodeSetValue } from './values.js';

/** Adds the fields of the body to the event. */
export function decodeBody(
  record: RecordView,
  event: Draft,
  kind: BodyKind,
  isPost: boolean,
  processes: ProcessFinder,
): void {
  switch (kind) {
    case 'plain':
      return;
    case 'create':
      decodeCreate(record, as<'create'>(event), isPost);
      return;
    case 'deleteKey':
      decodeDeleteKey(record, as<'deleteKey'>(event));
      return;
    case 'setValue':
      decodeSetValue(record, as<'setValue'>(event));
      return;
    case 'deleteValue':
      decodeDeleteValue(record, as<'deleteValue'>(event));
      return;
    case 'setInformation':
      decodeSetInformation(record, as<'setInformation'>(event));
      return;
    case 'rename':
      decodeRename(record, as<'rename'>(event));
      return;
    case 'enumerateKey':
      decodeEnumerateKey(record, as<'enumerateKey'>(event), isPost);
      return;
    case 'enumerateValue':
      decodeEnumerateValue(record, as<'enumerateValue'>(event), isPost);
      return;
    case 'queryKey':
      decodeQueryKey(record, as<'queryKey'>(event), isPost);
      return;
    case 'queryValue':
      decodeQueryValue(record, as<'queryValue'>(event), isPost);
      return;
    case 'queryMultiple':
      decodeQueryMultiple(record, as<'queryMultiple'>(event), isPost);
      return;
    case 'close':
      decodeClose(record, as<'close'>(event), processes);
      return;
    case 'load':
      decodeLoad(record, as<'load'>(event));
      return;
    case 'unload':
      decodeUnload(record, as<'unload'>(event));
      return;
    case 'security':
      decodeSecurity(record, as<'security'>(event));
      return;
    case 'restore':
      decodeRestore(record, as<'restore'>(event));
      return;
    case 'save':
      decodeSave(record, as<'save'>(event));
      return;
    case 'saveMerged':
      decodeSaveMerged(record, as<'saveMerged'>(event));
      return;
    case 'replace':
      decodeReplace(record, as<'replace'>(event));
      return;
    case 'queryName':
      decodeQueryName(record, as<'queryName'>(event), isPost);
      return;
  }
}

/** The event as it will be when its decoder is through. */
function as<K extends BodyKind>(event: Draft): Draft & Body<BodyFields[K]> {
  return event as Draft & Body<BodyFields[K]>;
}
