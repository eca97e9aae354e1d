import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { registerError, unregisterError } from '../../../lib/session/request-error.js';

describe('an error of a request', () => {
  it('the statuses of registering and unregistering have error codes that programs decide by', () => {
    assert.equal(registerError(0xc01c0011, '1').code, 'CMB_ALTITUDE_COLLISION');
    const leaving = registerError(0xc0000056, '1');
    assert.deepEqual([leaving.code, leaving.ntStatus], ['CMB_ALTITUDE_COLLISION', 0xc01c0011]);
    assert.match(leaving.message, /is being removed/);
    assert.equal(registerError(0xc000009a, '1').code, 'CMB_INSUFFICIENT_RESOURCES');
    assert.equal(unregisterError(0xc000000d, 1n).code, 'CMB_INVALID_COOKIE');
  });
});
