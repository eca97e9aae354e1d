import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openError } from '../../../lib/driver/open-error.js';
import { nativeError } from '../support/fake-addon.js';

describe('an error of opening the device', () => {
  it('the statuses of opening have error codes that programs decide by, and advice', () => {
    const missing = openError(nativeError(0xc0000034), 'device', 'CmBridge');
    assert.equal(missing.code, 'CMB_DRIVER_NOT_FOUND');
    assert.match(missing.message, /: npx cmbridge driver install /);
    const denied = openError(nativeError(0xc0000022), 'device', 'CmBridge');
    assert.equal(denied.code, 'CMB_ACCESS_DENIED');
    assert.match(denied.message, /elevated/);
    assert.equal(openError(new Error('boom'), 'device', 'CmBridge').code, 'CMB_BACKEND_UNAVAILABLE');
  });
});
