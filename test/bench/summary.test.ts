import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { interleave, paired, summarize } from './summary.js';

describe('statistics of benchmarks', () => {
  it('summarize() tells median and spread, between samples where there is none in the middle', () => {
    assert.deepEqual(summarize([40, 10, 30, 20]), { min: 10, p25: 17.5, median: 25, p75: 32.5, max: 40, samples: 4 });
    assert.deepEqual(summarize([7]), { min: 7, p25: 7, median: 7, p75: 7, max: 7, samples: 1 });
  });

  it('summarize() and paired() refuse what is no measurement', () => {
    assert.throws(() => summarize([]), /cannot summarize/);
    assert.throws(() => summarize([1, NaN]), /cannot summarize/);
    assert.throws(() => paired([1, 2], [1], (a, b) => a - b), /make no pairs/);
  });

  it('paired() pairs samples of the same repetition', () => {
    assert.deepEqual(
      paired([5, 7], [1, 2], (a, b) => a - b),
      [4, 5],
    );
  });

  it('interleave() measures all candidates in turn, each round from another one, and drops the first round', async () => {
    const order: string[] = [];
    const candidate = (id: string) => ({
      id,
      measure: () => {
        order.push(id);
        return Promise.resolve(order.length);
      },
    });
    const samples = await interleave([candidate('a'), candidate('b'), candidate('c')], 2);
    assert.equal(order.join(''), 'abcbcacab');
    assert.deepEqual(samples.get('a'), [6, 8]);
    assert.deepEqual(samples.get('b'), [4, 9]);
    assert.deepEqual(samples.get('c'), [5, 7]);
  });
});
