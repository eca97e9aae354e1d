import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { runProgram } from './harness.js';

const program = new URL('./ending-workers.js', import.meta.url);

const atAnyMoment = ['requests', 'refusals', 'registering', 'closing', 'queries'];
const endings = {
  terminate: [...atAnyMoment, 'start', 'opens', 'failing opens', 'events', 'keys', 'loads', 'processes', 'calls'],
  exit: atAnyMoment,
  throw: atAnyMoment,
};

// In a process of its own, for what goes wrong here ends the process.
describe('a worker that ends while the addon works for it', { concurrency: 2 }, () => {
  for (const [ending, works] of Object.entries(endings)) {
    for (const work of works) {
      it(`a worker that ends by ${ending} during ${work} leaves the process alone`, async () => {
        const { code, signal, output } = await runProgram(program, [work, ending]);
        assert.equal(signal, null, output);
        assert.equal(code, 0, output);
        assert.match(output, /^6 workers have ended, 1 event since$/m);
      });
    }
  }
});
