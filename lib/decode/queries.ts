// The answers to queries and enumerations, and what is set with an information class.

import type {
  EnumerateKeyFields,
  EnumerateValueFields,
  QueryKeyFields,
  QueryValueFields,
  SetInformationFields,
} from '../event/event.js';
import {
  decodeKeyInformationClass,
  keyInformationClassName,
  type DecodedKeyInformation,
} from '../registry/key-information-class.js';
import * as P from '../wire/protocol.js';
import type { RecordView } from '../wire/record.js';
import type { Captured } from '../wire/captured.js';
import { decodeSetInformationClass, keySetInformationClassName } from '../registry/set-information-class.js';
import {
  decodeValueInformationClass,
  keyValueInformationClassName,
  type DecodedValueInformation,
} from '../registry/value-information-class.js';
import type { Body } from './header.js';

const B = P.CMB_BODY_QUERY;

/** How the classes of an answer are called and read. */
interface Classes<I> {
  name(number: number): string;
  decode(number: number, answer: Captured): I | null;
}

const keyClasses: Classes<DecodedKeyInformation> = {
  name: keyInformationClassName,
  decode: decodeKeyInformationClass,
};

const valueClasses: Classes<DecodedValueInformation> = {
  name: keyValueInformationClassName,
  decode: decodeValueInformationClass,
};

export function decodeQueryKey(record: RecordView, event: Body<QueryKeyFields>, isPost: boolean): void {
  record.requireBody(B.size, 'query key');
  decodeAnswer(record, event, keyClasses, isPost);
}

export function decodeEnumerateKey(record: RecordView, event: Body<EnumerateKeyFields>, isPost: boolean): void {
  record.requireBody(B.size, 'enumerate key');
  event.index = record.u32(record.body + B.Index);
  decodeAnswer(record, event, keyClasses, isPost);
}

export function decodeQueryValue(record: RecordView, event: Body<QueryValueFields>, isPost: boolean): void {
  record.requireBody(B.size, 'query value');
  event.valueName = record.text(record.body + B.ValueName, 'value name');
  decodeAnswer(record, event, valueClasses, isPost);
}

export function decodeEnumerateValue(record: RecordView, event: Body<EnumerateValueFields>, isPost: boolean): void {
  record.requireBody(B.size, 'enumerate value');
  event.index = record.u32(record.body + B.Index);
  decodeAnswer(record, event, valueClasses, isPost);
}

/** What queries and enumerations of keys and values have in common. */
function decodeAnswer<I>(
  record: RecordView,
  event: Body<Omit<QueryKeyFields, 'information'>> & { information: I | null },
  classes: Classes<I>,
  isPost: boolean,
): void {
  const number = record.u32(record.body + B.InformationClass);
  const captured = record.captured(record.body + B.Information, 'information');
  const answer = isPost && record.isPresent(record.body + B.Information) ? captured : null;
  event.informationClass = classes.name(number);
  event.informationClassNumber = number;
  event.information = answer === null ? null : classes.decode(number, answer);
  event.length = record.u32(record.body + B.Length);
  event.resultLength = (isPost && record.u32(record.body + B.ResultLength)) || null;
  event.bytes = answer === null ? null : answer.copy();
}

export function decodeSetInformation(record: RecordView, event: Body<SetInformationFields>): void {
  const S = P.CMB_BODY_SET_INFORMATION;
  record.requireBody(S.size, 'set information');
  const number = record.u32(record.body + S.InformationClass);
  const captured = record.captured(record.body + S.Information, 'information');
  event.informationClass = keySetInformationClassName(number);
  event.informationClassNumber = number;
  event.information = decodeSetInformationClass(number, captured);
  event.bytes = captured.copy();
}
