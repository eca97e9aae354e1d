// The decoder of one notification, header and body.

import type { ProcessInfo } from '../event/event.js';
import { notifyClassByNumber, type NotifyClass } from '../registry/notify-class.js';
import * as P from '../wire/protocol.js';
import { protocolError, type RecordView } from '../wire/record.js';
import { decodeBody } from './bodies.js';
import type { RuleFinder } from './decided.js';
import { decodeHeader, type Draft } from './header.js';
import type { KeyPath } from './path-table.js';
import type { ProcessFinder } from './process-table.js';

const R = P.CMB_RECORD;

export function isPostRecord(record: RecordView): boolean {
  return (record.u32(R.Flags) & P.CMB_RECORD_POST) !== 0;
}

/** Undefined for a class that a newer Windows has added. */
export function classOf(record: RecordView): NotifyClass | undefined {
  const entry = notifyClassByNumber(record.u32(R.NotifyClass));
  const isPost = isPostRecord(record);
  if (entry === undefined || (entry.phase === 'post') === isPost) return entry;
  throw protocolError(`a record of ${entry.name} is marked as ${isPost ? 'post' : 'pre'}`);
}

/** The whole event, but for what the events before it say of an open that follows a link. */
export function decodeNotification(
  record: RecordView,
  entry: NotifyClass | undefined,
  path: KeyPath,
  process: ProcessInfo,
  processes: ProcessFinder,
  rules: RuleFinder,
): Draft {
  const isPost = isPostRecord(record);
  const event = decodeHeader(record, entry, isPost, path, process, rules);
  decodeBody(record, event, entry?.body ?? 'plain', isPost, processes);
  event.truncated = record.truncated;
  event.fault = record.fault;
  return event;
}
