import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { requireSafeFolder } from '../../../lib/service/folder.js';
import { parseSddl } from '../../../lib/security/sddl.js';

const installer = 'S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464';
// As Windows 10 has them: the root lets users add folders, and the others only administrators write.
const root = `O:${installer}D:PAI(A;OICIIO;SDGXGWGR;;;AU)(A;;LC;;;AU)(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;0x1200a9;;;BU)`;
const system = `O:${installer}D:PAI(A;CIOI;FA;;;${installer})(A;;0x1301bf;;;SY)(A;OICIIO;GA;;;SY)(A;;0x1301bf;;;BA)(A;OICIIO;GA;;;BA)(A;;0x1200a9;;;BU)(A;OICIIO;GXGR;;;BU)(A;OICIIO;GA;;;CO)`;

function check(folders: Readonly<Record<string, string>>, folder = '/windows/drivers'): void {
  requireSafeFolder(folder, {
    systemRoot: '/windows',
    fileSecurity: (path) => parseSddl(folders[path] ?? (path === '/' ? root : system)),
  });
}

describe('a folder that drivers are loaded from', () => {
  it('a folder as Windows has it for drivers is safe', () => {
    check({});
  });

  it('a folder is refused if users may write to it, own it, or have no list of rights between them and it', () => {
    const refused: readonly [string, string][] = [
      ['O:BAD:(A;;FA;;;BA)(A;;0x1301bf;;;AU)', 'S-1-5-11'],
      ['O:BAD:(A;;FA;;;BA)(A;;GW;;;WD)', 'S-1-1-0'],
      ['O:BAD:(A;;FA;;;BA)(A;;WD;;;BU)', 'S-1-5-32-545'],
      ['O:S-1-5-21-1-2-3-1001D:(A;;FA;;;BA)', 'S-1-5-21-1-2-3-1001'],
      ['O:BAD:NO_ACCESS_CONTROL', 'S-1-1-0'],
      ['O:BA', 'S-1-1-0'],
      ['D:(A;;FA;;;BA)', 'S-1-1-0'],
    ];
    for (const [sddl, sid] of refused) {
      assert.throws(
        () => check({ '/windows/drivers': sddl }),
        {
          code: 'CMB_FOLDER_UNSAFE',
          message: `/windows/drivers can be changed by ${sid}, who is no administrator: a driver is not loaded from there`,
        },
        sddl,
      );
    }
  });

  it('a folder is refused if users may exchange a folder above it', () => {
    assert.throws(
      () => check({ '/windows': 'O:BAD:(A;;FA;;;BA)(A;;SD;;;BU)' }),
      /^CmBridgeError: \/windows can be changed/,
    );
    assert.throws(() => check({ '/': 'O:BAD:(A;;FA;;;BA)(A;;0x40;;;BU)' }), { code: 'CMB_FOLDER_UNSAFE' });
    // To add something beside it changes nothing about it.
    check({ '/windows': 'O:BAD:(A;;FA;;;BA)(A;;0x6;;;BU)' });
  });

  it('a folder of the owner of Windows is safe, for who owns Windows can exchange it all', () => {
    const owner = 'O:S-1-5-21-0-0-0-1000D:(A;;FA;;;S-1-5-21-0-0-0-1000)';
    check({ '/': owner, '/windows': owner, '/windows/drivers': owner });
  });
});
