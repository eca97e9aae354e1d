import type {
  EnumerateKeyFields,
  EnumerateValueFields,
  QueryKeyFields,
  QueryValueFields,
  SetInformationFields,
} from '../event/event.js';
import { decodeKeyInformationClass, keyInformationClassName } from '../registry/key-information-class.js';
import * as P from '../wire/protocol.js';
import type { RecordView } from '../wire/record.js';
import type { Captured } from '../wire/captured.js';
import { decodeSetInformationClass, keySetInformationClassName } from '../registry/set-information-class.js';
import { decodeValueInformationClass, keyValueInformationClassName } from '../registry/value-information-class.js';
import type { Body } from './body.js';

const B = P.CMB_BODY_QUERY;

export function decodeQueryKey(record: RecordView, event: Body<QueryKeyFields>, isPost: boolean): void {
  record.requireBody(B.size, 'query key');
  const number = record.u32(record.body + B.InformationClass);
  const answer = answerOf(record, isPost);
  event.informationClass = keyInformationClassName(number);
  event.informationClassNumber = number;
  event.information = answer === null ? null : decodeKeyInformationClass(number, answer);
  finish(record, event, answer, isPost);
}

export function decodeEnumerateKey(record: RecordView, event: Body<EnumerateKeyFields>, isPost: boolean): void {
  record.requireBody(B.size, 'enumerate key');
  event.index = record.u32(record.body + B.Index);
  decodeQueryKey(record, event, isPost);
}

export function decodeQueryValue(record: RecordView, event: Body<QueryValueFields>, isPost: boolean): void {
  record.requireBody(B.size, 'query value');
  event.valueName = record.text(record.body + B.ValueName, 'value name');
  decodeValueAnswer(record, event, isPost);
}

export function decodeEnumerateValue(record: RecordView, event: Body<EnumerateValueFields>, isPost: boolean): void {
  record.requireBody(B.size, 'enumerate value');
  event.index = record.u32(record.body + B.Index);
  decodeValueAnswer(record, event, isPost);
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

function decodeValueAnswer(
  record: RecordView,
  event: Body<QueryValueFields> | Body<EnumerateValueFields>,
  isPost: boolean,
): void {
  const number = record.u32(record.body + B.InformationClass);
  const answer = answerOf(record, isPost);
  event.informationClass = keyValueInformationClassName(number);
  event.informationClassNumber = number;
  event.information = answer === null ? null : decodeValueInformationClass(number, answer);
  finish(record, event, answer, isPost);
}

function finish(
  record: RecordView,
  event: Body<Pick<QueryKeyFields, 'length' | 'resultLength' | 'bytes'>>,
  answer: Captured | null,
  isPost: boolean,
): void {
  event.length = record.u32(record.body + B.Length);
  event.resultLength = (isPost && record.u32(record.body + B.ResultLength)) || null;
  event.bytes = answer === null ? null : answer.copy();
}

function answerOf(record: RecordView, isPost: boolean): Captured | null {
  const answer = record.captured(record.body + B.Information, 'information');
  return isPost && record.isPresent(record.body + B.Information) ? answer : null;
}
