import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { parseSddl } from '../../lib/index.js';
import { collect, ofClass, only, sameKey, scenario } from './fixture.js';
import type { ConformanceHost } from './host.js';

const OWNER_GROUP_DACL = 7;
const DACL = 4;
const everyoneReads = 'D:(A;;KR;;;WD)(A;;KA;;;BA)(A;;KA;;;SY)';

export function securitySuite(host: ConformanceHost): void {
  describe('security', () => {
    scenario(host, 'query security events tell parts, length and the SDDL', async ({ driver, actor, key }) => {
      const { registration, events } = await collect(driver, actor);
      const small = await key.raw.querySecurity(OWNER_GROUP_DACL, 4);
      const whole = await key.raw.querySecurity(OWNER_GROUP_DACL, 4096);
      await registration.unregister();
      const [pre] = ofClass(events, 'RegNtPreQueryKeySecurity');
      sameKey(pre?.keyPath, key.path);
      assert.deepEqual(pre?.securityInformation.names, [
        'OWNER_SECURITY_INFORMATION',
        'GROUP_SECURITY_INFORMATION',
        'DACL_SECURITY_INFORMATION',
      ]);
      assert.deepEqual([pre.length, pre.securityDescriptor], [4, null]);
      const [refused, answered] = ofClass(events, 'RegNtPostQueryKeySecurity');
      assert.deepEqual([refused?.statusName, refused?.securityDescriptor], ['STATUS_BUFFER_TOO_SMALL', null]);
      assert.deepEqual([refused?.length, answered?.length], [small.length, whole.length]);
      assert.match(answered?.securityDescriptor?.sddl ?? '', /^O:\S+G:\S+D:/);
      assert.ok(answered?.securityDescriptor?.owner);
      assert.deepEqual(answered.securityDescriptor.bytes, new Uint8Array(whole.data.subarray(0, whole.length)));
    });

    scenario(host, 'set security events tell the parts and the descriptor as SDDL', async ({ driver, actor, key }) => {
      const child = await key.createKey('Child');
      const { registration, events } = await collect(driver, actor);
      await child.setSecurity(DACL, parseSddl(everyoneReads));
      await registration.unregister();
      for (const name of ['RegNtPreSetKeySecurity', 'RegNtPostSetKeySecurity'] as const) {
        const event = only(events, name);
        sameKey(event.keyPath, child.path);
        assert.deepEqual(event.securityInformation.names, ['DACL_SECURITY_INFORMATION']);
        assert.equal(event.securityDescriptor?.sddl, everyoneReads);
        assert.equal(event.length, null);
      }
      assert.equal(only(events, 'RegNtPostSetKeySecurity').status, 0);
      await child.delete();
    });

    scenario(host, 'create events tell the descriptor that the key is to have', async ({ driver, actor, key }) => {
      const { registration, events } = await collect(driver, actor);
      const child = await key.createKey('Child', { securityDescriptor: parseSddl(everyoneReads) });
      const plain = await key.createKey('Plain');
      await registration.unregister();
      await child.delete();
      await plain.delete();
      const [withOne, without] = ofClass(events, 'RegNtPreCreateKeyEx');
      assert.equal(withOne?.securityDescriptor?.sddl, everyoneReads);
      assert.equal(without?.securityDescriptor, null);
    });

    if (host.abilities.has('access checks')) {
      scenario(host, 'a refused open is seen with its status', async ({ driver, actor, key }) => {
        const child = await key.createKey('Secret');
        await child.setSecurity(DACL, parseSddl('D:P(A;;KR;;;WD)(A;;WDRC;;;WD)'));
        const { registration, events } = await collect(driver, actor);
        await assert.rejects(key.openKey('Secret', { access: 2 }), { ntStatus: 0xc0000022 });
        const maximum = await key.openKey('Secret', { access: 0x0200_0000 });
        await registration.unregister();
        await maximum.close();
        const [refused, granted] = ofClass(events, 'RegNtPostOpenKeyEx');
        assert.deepEqual(
          [refused?.statusName, refused?.grantedAccess, refused?.desiredAccess.names],
          ['STATUS_ACCESS_DENIED', null, ['KEY_SET_VALUE']],
        );
        assert.ok(granted?.grantedAccess);
        assert.ok(granted.grantedAccess.names.includes('KEY_QUERY_VALUE'));
        assert.ok(!granted.grantedAccess.names.includes('KEY_SET_VALUE'));
        await child.setSecurity(DACL, parseSddl('D:(A;;KA;;;WD)'));
        await child.delete();
      });
    }
  });
}
