import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { eventToJson, parseEvent, stringifyEvent, type Event } from '../../lib/index.js';

const schemaPath = fileURLToPath(import.meta.resolve('cmbridge/event.schema.json'));
const ajv = new Ajv2020({ strict: true });
const validate = ajv.compile(JSON.parse(readFileSync(schemaPath, 'utf8')) as Record<string, unknown>);

/** Every event of the suite, whatever the test is about: it obeys the shipped schema and survives a line of NDJSON. */
export function assertWellFormed(event: Event): void {
  assert.ok(validate(eventToJson(event)), `${event.class}: ${ajv.errorsText(validate.errors)}`);
  assert.deepEqual(parseEvent(stringifyEvent(event)), event);
}
