import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { Event } from '../../../lib/event/event.js';
import { parseEvent } from '../../../lib/event/json/parse.js';
import { eventToJson, stringifyEvent } from '../../../lib/event/json/write.js';
import { notifyClasses } from '../../../lib/registry/notify-class.js';
import * as P from '../../../lib/wire/protocol.js';
import { breakerRecord, gapRecord, held, record, setValueRecord } from '../support/records.js';
import { awkward, decodeAll, fullRecord, sampleEvents, sampleProcess } from '../support/samples.js';

const schema = JSON.parse(readFileSync(new URL(import.meta.resolve('cmbridge/event.schema.json')), 'utf8')) as Record<
  string,
  unknown
>;
const ajv = new Ajv2020({ strict: true, allErrors: true });
const validate = ajv.compile(schema);

function unknownEvents(): Event[] {
  const flags = P.CMB_RECORD_POST | P.CMB_RECORD_PATH_RESOLVED;
  return decodeAll(record({ notifyClass: 60 }), record({ notifyClass: 61, flags, status: 0xc000_0022, duration: 5n }));
}

function valueEvents(): Event[] {
  const types = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0xffff_ffff];
  const contents = ['', '01', '010203', '0a000000', '0a00000000000000', '00d8610000000000', '6100'];
  return types.flatMap((type) =>
    contents.flatMap((hex) => decodeAll(setValueRecord('v', type, Buffer.from(hex, 'hex')))),
  );
}

function informationEvents(): Event[] {
  const I = P.CMB_BODY_QUERY;
  const S = P.CMB_BODY_SET_INFORMATION;
  const lengths = [0, 3, 4, 12, 16, 24, 44, 64];
  return Array.from({ length: 12 }, (_, number) => number).flatMap((number) =>
    lengths.flatMap((length) => {
      const data = new Uint8Array(length);
      const body = (offset: number) => (view: DataView) => {
        view.setUint32(offset, number, true);
      };
      const answers = [20, 21, 22, 23].map((notifyClass) =>
        record({
          notifyClass,
          flags: P.CMB_RECORD_POST,
          body: body(I.InformationClass),
          spans: [[I.Information, { data }]],
        }),
      );
      const set = record({ notifyClass: 3, body: body(S.InformationClass), spans: [[S.Information, { data }]] });
      return decodeAll(...answers, set);
    }),
  );
}

function decidedEvents(): Event[] {
  const post = { notifyClass: 16, flags: P.CMB_RECORD_POST };
  const latency = 2n ** 64n - 1n;
  const flags = P.CMB_DECIDED_DRY_RUN | P.CMB_DECIDED_ENDED;
  const records = [1, 2, 3, 4, 5, 6, 7].flatMap((decision) =>
    [1, 2, 3, 4, 5, 6, 7, 8].map((by) =>
      record({ ...post, decided: { decision, by, latency, flags, status: 0xc000_0022 } }),
    ),
  );
  return decodeAll(
    ...records,
    record({ decided: held(1n) }),
    breakerRecord({ cookie: -5n, state: P.CMB_BREAKER_OPEN }),
    breakerRecord({ cookie: 2n ** 63n - 1n, state: P.CMB_BREAKER_CLOSED, unasked: 2n ** 64n - 1n }),
  );
}

const everything = (): Event[] => [
  ...sampleEvents(),
  ...unknownEvents(),
  ...valueEvents(),
  ...informationEvents(),
  ...decodeAll(gapRecord(7n, 2n ** 64n - 1n, 7), gapRecord(1n, 1n, 0)),
  ...decidedEvents(),
];

const setValue = (): Event => decodeAll(sampleProcess, fullRecord(notifyClasses[1]))[0]!;

/** The JSON form with one thing changed, by the path of keys to it. */
function changed(event: Event, path: readonly (string | number)[], value: unknown): Record<string, unknown> {
  const copy = JSON.parse(stringifyEvent(event)) as Record<string | number, unknown>;
  let at = copy;
  for (const key of path.slice(0, -1)) at = at[key] as Record<string | number, unknown>;
  const last = path.at(-1) ?? '';
  if (value === undefined) Reflect.deleteProperty(at, last);
  else at[last] = value;
  return copy;
}

describe('NDJSON', () => {
  it('NDJSON of an event of every class comes back as it was, on one line', () => {
    const events = everything();
    assert.equal(new Set(events.map((event) => event.class)).size, notifyClasses.length + 3);
    for (const event of events) {
      const line = stringifyEvent(event);
      assert.equal(/[\n\r]/.test(line), false);
      assert.deepEqual(parseEvent(line), event);
      assert.deepEqual(parseEvent(eventToJson(event)), event);
      assert.deepEqual(parseEvent(JSON.parse(line)), event);
    }
  });

  it('NDJSON of an event that was parsed has its fields in the order of the schema, and keeps its text from then on', () => {
    for (const event of everything()) {
      const line = stringifyEvent(parseEvent(stringifyEvent(event)));
      assert.equal(stringifyEvent(parseEvent(line)), line);
    }
    const { process, value } = parseEvent(stringifyEvent(setValue())) as Extract<
      Event,
      { class: 'RegNtPreSetValueKey' }
    >;
    assert.match(Object.keys(process).join(), /^id,startKey,parentId,imagePath,.*,elevated,sessionId,wow64,/);
    assert.match(Object.keys(value).join(), /^type,typeNumber,malformed,data,bytes,/);
    const query = everything().find((event) => event.class === 'RegNtPostEnumerateKey');
    assert.match(
      Object.keys(parseEvent(stringifyEvent(query!))).join(),
      /,index,informationClass,informationClassNumber,length,resultLength,bytes,information$/,
    );
  });

  it('NDJSON of an event survives UTF-8, for what UTF-8 cannot hold is escaped', () => {
    const event = setValue();
    const line = Buffer.from(stringifyEvent(event), 'utf8').toString('utf8');
    const back = parseEvent(line) as Extract<Event, { class: 'RegNtPreSetValueKey' }>;
    assert.equal(back.valueName, awkward);
    assert.deepEqual(back, event);
  });

  it('NDJSON of an event has bigints as decimal strings and bytes as base64', () => {
    const json = eventToJson(setValue()) as Record<string, Record<string, unknown>>;
    assert.equal(json['sequence'], '9223372036854775813');
    assert.equal(json['process']!['startKey'], '281474976710663');
    assert.equal((json['previous']!['value'] as Record<string, unknown>)['data'], '18446744073709551615');
    assert.equal(json['value']!['bytes'], Buffer.from(`${awkward}\0`, 'utf16le').toString('base64'));
  });

  it('NDJSON of an event takes a time anywhere in the kernel’s range', () => {
    for (const time of [-(2n ** 63n), -1n, 0n, 2n ** 63n - 1n]) {
      const [event] = decodeAll(record({ notifyClass: 60, time }));
      assert.deepEqual(parseEvent(stringifyEvent(event!)), event);
      assert.equal(validate(eventToJson(event!)), true);
    }
  });
});

const wrongEvents: readonly [
  path: readonly (string | number)[],
  value: unknown,
  message: RegExp,
  schemaCannot?: true,
][] = [
  [['class'], undefined, /^event\.class is missing$/],
  [['class'], 'RegNtPreSetValue', /^event\.class must be .*"RegNtPreSetValueKey"/],
  [['class'], 5, /^event\.class must be one of 50 known names/],
  [['notifyClass'], 2, /^event\.notifyClass must be 1, not 2$/],
  [['phase'], 'post', /^event\.phase must be "pre", not "post"$/],
  [['sequence'], 5, /^event\.sequence must be an integer .* string of decimal digits, not 5$/],
  [['sequence'], '05', /^event\.sequence /],
  [['sequence'], '-1', /^event\.sequence /],
  [['sequence'], '18446744073709551616', /^event\.sequence .* from 0 to 18446744073709551615/, true],
  [['status'], 0, /^event\.status must be null, not 0$/],
  [['processId'], -1, /^event\.processId must be an integer from 0 to 4294967295, not -1$/],
  [['processId'], 1.5, /^event\.processId /],
  [['valueName'], undefined, /^event\.valueName is missing$/],
  [['valueName'], 7, /^event\.valueName must be a string, not 7$/],
  [['valuename'], 'x', /^event has no field "valuename"\. Did you mean "valueName"/],
  [['index'], 1, /^event has no field "index"/],
  [['process'], null, /^event\.process must be an object, not null$/],
  [['process', 'wow64'], 'yes', /^event\.process\.wow64 must be true or false, not "yes"$/],
  [['process', 'user'], 'SYSTEM', /^event\.process\.user must be a SID/],
  [['process', 'integrityLevel'], 'maximum', /^event\.process\.integrityLevel must be "untrusted" or /],
  [['process', 'extra'], 1, /^event\.process has no field "extra"/],
  [['transaction', 'id'], '{1}', /^event\.transaction\.id must be a GUID in braces/],
  [['impersonation', 'level'], undefined, /^event\.impersonation\.level is missing$/],
  [['value', 'type'], 'REG_TEXT', /^event\.value\.type must be REG_NONE or .*a name such as REG_TYPE_/],
  [['value', 'malformed'], true, /^event\.value\.data must be base64/],
  [['value', 'typeNumber'], 2, /^event\.value\.typeNumber must be 1, not 2$/],
  [['value', 'bytes'], 'AQI', /^event\.value\.bytes must be base64 with its padding, not "AQI"$/],
  [['value', 'bytes'], 'AQ==\n', /^event\.value\.bytes /],
  [['value', 'flaws'], ['bad'], /^event\.value\.flaws\[0\] must be "odd-length" or /],
  [['value', 'flaws'], 'bad', /^event\.value\.flaws must be an array/],
  [['previous', 'value', 'data'], 1, /^event\.previous\.value\.data /],
  [['previous', 'statusName'], 'OK', /^event\.previous\.statusName must be a name such as STATUS_SUCCESS/],
];

describe('refused events', () => {
  it('the event that is changed in the tests of refusals is itself accepted', () => {
    assert.deepEqual(parseEvent(changed(setValue(), ['valueName'], 'x')), { ...setValue(), valueName: 'x' });
  });

  for (const [path, value, message, schemaCannot] of wrongEvents) {
    it(`parser${schemaCannot ? '' : ' and schema'} refuse${schemaCannot ? 's' : ''} an event with ${path.join('.')} = ${JSON.stringify(value) ?? 'missing'}`, () => {
      const wrong = changed(setValue(), path, value);
      assert.throws(() => parseEvent(wrong), { name: 'CmBridgeError', code: 'CMB_INVALID_ARGUMENT', message });
      assert.equal(validate(wrong), schemaCannot === true);
    });
  }

  it('parseEvent() refuses what is no JSON, or no object, with the reason', () => {
    for (const line of ['', '{', 'null', '[]', '5', '"x"', '{}']) {
      assert.throws(() => parseEvent(line), {
        code: 'CMB_INVALID_ARGUMENT',
        message: /^(The line is no JSON: |event)/,
      });
    }
    for (const value of [undefined, null, 5, [], () => undefined]) {
      assert.throws(() => parseEvent(value), { code: 'CMB_INVALID_ARGUMENT', message: /^event must be an object/ });
    }
    const line = stringifyEvent(setValue());
    for (let length = 0; length < line.length; length += 13) {
      assert.throws(() => parseEvent(line.slice(0, length)), { code: 'CMB_INVALID_ARGUMENT', message: /no JSON/ });
    }
  });

  it('parseEvent() refuses a field that would smuggle in a prototype', () => {
    const line = stringifyEvent(setValue()).replace('{', '{"__proto__":{"polluted":true},');
    assert.throws(() => parseEvent(line), { message: /^event has no field "__proto__"/ });
  });

  it('parser and schema refuse an event that lacks any of its fields', () => {
    for (const event of sampleEvents()) {
      for (const key of Object.keys(event)) {
        const less = changed(event, [key], undefined);
        assert.throws(() => parseEvent(less), { message: `event.${key} is missing` });
        assert.equal(validate(less), false, `${event.class} without ${key}`);
      }
    }
  });
});

describe('the JSON Schema', () => {
  it('the JSON Schema accepts every event of the decoder', () => {
    for (const event of everything()) {
      assert.ok(validate(eventToJson(event)), `${event.class}: ${ajv.errorsText(validate.errors)}`);
    }
  });

  it('the JSON Schema refuses a field that the class of the event lacks', () => {
    for (const event of everything()) assert.equal(validate({ ...eventToJson(event), extra: null }), false);
  });

  it('the JSON Schema describes the fields of an event', () => {
    const { $defs } = schema as { $defs: Record<string, { properties?: Record<string, { description?: string }> }> };
    assert.match($defs['SetValueFields']?.properties?.['changed']?.description ?? '', /differs from `previous`/);
    assert.match($defs['PostFields']?.properties?.['duration']?.description ?? '', /nanoseconds/);
  });
});
