import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decodeSecurityDescriptor } from '../../../lib/security/security-descriptor.js';
import { parseSddl } from '../../../lib/security/sddl.js';
import { Random } from '../support/random.js';

function sddlOf(bytes: Uint8Array): string | null {
  return decodeSecurityDescriptor({ bytes, truncated: false, fault: false }).sddl;
}

const header = (control: string, rest: string) => Uint8Array.from(Buffer.from(`0100${control}${rest}`, 'hex'));

/** With their bytes as another implementation of ConvertStringSecurityDescriptorToSecurityDescriptor lays them out. */
const laidOut: [sddl: string, bytes: Uint8Array][] = [
  [
    'O:BAG:SYD:PAI(A;CI;KA;;;CO)(A;CI;KA;;;SY)(A;CI;KA;;;BA)(A;CI;KR;;;BU)',
    header(
      '0494',
      '14000000240000000000000030000000' +
        '01020000000000052000000020020000' +
        '010100000000000512000000' +
        '0200600004000000' +
        '000214003f000f00010100000000000300000000' +
        '000214003f000f00010100000000000512000000' +
        '000218003f000f0001020000000000052000000020020000' +
        '000218001900020001020000000000052000000021020000',
    ),
  ],
  [
    'O:BAG:BAD:(A;CIIO;SDGXGWGR;;;BU)(D;;KW;;;S-1-5-21-1-2-3-1000)(A;OICINPIOID;0x1301bf;;;WD)',
    header(
      '0480',
      '14000000240000000000000034000000' +
        '01020000000000052000000020020000' +
        '01020000000000052000000020020000' +
        '0200580003000000' +
        '000a1800000001e001020000000000052000000021020000' +
        '01002400060002000105000000000005150000000100000002000000' +
        '03000000e8030000' +
        '001f1400bf011300010100000000000100000000',
    ),
  ],
  ['D:P', header('0490', '00000000000000000000000014000000' + '0200080000000000')],
];

describe('SDDL', () => {
  it('SDDL is parsed to the bytes that Windows lays out, and written from them', () => {
    for (const [sddl, bytes] of laidOut) {
      assert.deepEqual(Buffer.from(parseSddl(sddl)).toString('hex'), Buffer.from(bytes).toString('hex'), sddl);
      assert.equal(sddlOf(bytes), sddl);
    }
  });

  it('SDDL comes back as it was, in the spelling of Windows', () => {
    const same = [
      '',
      'O:SY',
      'G:S-1-5-21-1-2-3-513',
      'D:',
      'D:PARAI(A;CI;KA;;;BA)',
      'D:NO_ACCESS_CONTROL',
      'D:PNO_ACCESS_CONTROL',
      'D:(A;;;;;WD)(D;OICI;GA;;;AN)(A;;CCDCLCSWRPWPDTLOCRSDRCWDWO;;;AU)(A;;FA;;;SY)(A;CR;KR;;;OW)',
      'D:(OA;CI;CR;ab721a53-1e2f-11d0-9819-00aa0040529b;;WD)(OD;;RP;;bf967aba-0de6-11d0-a285-00aa003049e2;RU)(OA;;RP;;;PS)',
      'D:(OA;;RPWP;ab721a53-1e2f-11d0-9819-00aa0040529b;bf967aba-0de6-11d0-a285-00aa003049e2;BA)',
      'D:(XA;;KR;;;WD;#6172747801020304)(XD;;KW;;;BU)(ZA;;KR;ab721a53-1e2f-11d0-9819-00aa0040529b;;AU;#61727478)',
      'S:(ML;CI;NWNRNX;;;HI)(ML;;NW;;;LW)(ML;;0x9;;;S-1-16-20480)',
      'O:BAG:SYD:(A;;KR;;;AC)S:PARAI(AU;CISAFA;KA;;;WD)(AL;;KA;;;WD)(OU;FA;RP;;;WD)(XU;SA;KR;;;WD;#61727478)',
      'S:(RA;;;;;WD;#0c000000)(SP;;;;;S-1-17-1)(TL;;RC;;;S-1-19-512-4096)(FL;TP;KR;;;WD;#61727478)',
    ];
    for (const sddl of same) assert.equal(sddlOf(parseSddl(sddl)), sddl);
    const other: [given: string, written: string][] = [
      ['S:(AU;FASA;0xF003F;;;S-1-1-0)D:(A;IOCI;KX;;;S-1-5-32-544)', 'D:(A;CIIO;KR;;;BA)S:(AU;SAFA;KA;;;WD)'],
      ['D:(A;;131097;;;s-1-5-18)(A;;0400031;;;SY)', 'D:(A;;KR;;;SY)(A;;KR;;;SY)'],
      ['D:(OA;;RP;AB721A53-1E2F-11D0-9819-00AA0040529B;;WD)', 'D:(OA;;RP;ab721a53-1e2f-11d0-9819-00aa0040529b;;WD)'],
      ['O:S-1-5-18D:AIP', 'O:SYD:PAI'],
    ];
    for (const [given, written] of other) assert.equal(sddlOf(parseSddl(given)), written, given);
  });

  it('SDDL needs a domain for the names of the members of one', () => {
    const options = { domainSid: 'S-1-5-21-1-2-3' };
    assert.equal(sddlOf(parseSddl('O:DAG:LA', options)), 'O:S-1-5-21-1-2-3-512G:S-1-5-21-1-2-3-500');
    assert.throws(() => parseSddl('O:DA'), { message: /at position 2 DA is a member of a domain/ });
    assert.throws(() => parseSddl('O:DA', { domain: '' } as never), { code: 'CMB_UNKNOWN_OPTION' });
  });

  it('SDDL is refused with the place where it goes wrong', () => {
    const bad: [sddl: string, position: number][] = [
      ['x', 0],
      ['O:XX', 2],
      ['O:', 2],
      ['O:S-1-5-4294967296', 2],
      ['O:BAO:BA', 4],
      ['D:Q', 2],
      ['D:(A;;KA;;;BA', 13],
      ['D:(B;;KA;;;BA)', 3],
      ['D:(A;XX;KA;;;BA)', 5],
      ['D:(A;CIX;KA;;;BA)', 7],
      ['D:(A;;KAQ;;;BA)', 8],
      ['D:(A;;0x1ffffffff;;;BA)', 6],
      ['D:(A;;09;;;BA)', 6],
      ['D:(A;;KA;1;;BA)', 9],
      ['D:(A;;KA;ab721a53-1e2f-11d0-9819-00aa0040529b;;BA)', 46],
      ['D:(A;;KA;;BA)', 10],
      ['D:(A;;KA;;;BA;#00)', 17],
      ['D:(XA;;KA;;;BA;(Member_of{BA}))', 15],
      ['D:(A;;KA;;;BA) ', 14],
    ];
    for (const [sddl, position] of bad) {
      const message = new RegExp(` is no security descriptor: at position ${position} `);
      assert.throws(() => parseSddl(sddl), { code: 'CMB_INVALID_ARGUMENT', message }, sddl);
    }
    assert.throws(() => parseSddl(3 as never), { code: 'CMB_INVALID_ARGUMENT' });
    const huge = `D:${'(A;;KA;;;BA)'.repeat(3000)}`;
    assert.throws(() => parseSddl(huge), { message: /an ACL has at most 65535/ });
  });
});

describe('security descriptors', () => {
  const full = parseSddl(
    'O:BAG:SYD:PAI(A;CI;KA;;;SY)(OA;;RP;ab721a53-1e2f-11d0-9819-00aa0040529b;;WD)(XA;;KR;;;WD;#61727478)S:(ML;;NW;;;LW)',
  );

  it('a security descriptor tells owner and group as SIDs', () => {
    const decoded = decodeSecurityDescriptor({ bytes: full, truncated: false, fault: false });
    assert.deepEqual([decoded.owner, decoded.group, decoded.bytes], ['S-1-5-32-544', 'S-1-5-18', full]);
    const none = decodeSecurityDescriptor({ bytes: parseSddl('D:'), truncated: false, fault: false });
    assert.deepEqual([none.owner, none.group], [null, null]);
  });

  it('a security descriptor that is cut short has no SDDL, but the owner that is still there', () => {
    let owners = 0;
    for (let length = 0; length < full.length; length++) {
      const cut = decodeSecurityDescriptor({ bytes: full.subarray(0, length), truncated: true, fault: false });
      assert.equal(cut.sddl, null, String(length));
      assert.ok(cut.truncated);
      assert.ok(cut.owner === null || cut.owner === 'S-1-5-32-544');
      if (cut.owner !== null) owners++;
    }
    assert.equal(owners, full.length - 36);
  });

  it('a security descriptor that is damaged never throws, and has SDDL only if that parses', () => {
    const random = new Random(4);
    let readable = 0;
    for (let round = 0; round < 20_000; round++) {
      const damaged = Uint8Array.from(full);
      for (let count = 1 + random.below(3); count > 0; count--)
        damaged[random.below(damaged.length)] = random.below(256);
      const { sddl } = decodeSecurityDescriptor({ bytes: damaged, truncated: false, fault: false });
      if (sddl === null) continue;
      readable++;
      // What could be written can be read, and is written the same again.
      assert.equal(sddlOf(parseSddl(sddl)), sddl);
    }
    assert.ok(readable > 1000, String(readable));
    for (let round = 0; round < 2000; round++) sddlOf(random.bytes(random.below(64)));
  });

  it('a security descriptor that is not self-relative is not followed', () => {
    const absolute = Uint8Array.from(full);
    absolute[3]! &= 0x7f;
    assert.equal(sddlOf(absolute), null);
  });
});
