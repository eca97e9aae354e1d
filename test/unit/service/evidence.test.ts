// What Windows leaves behind when it refuses the driver or stops: events of Code Integrity, small memory dumps.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readCrashDump } from '../../../lib/service/doctor/crash-dump.js';
import { logFinding, parseEvents } from '../../../lib/service/doctor/event-log.js';
import { SIGN_SCRIPT } from '../../../lib/service/sign-script.js';
import { plain } from '../../../lib/service/powershell.js';

/** In the shape of recorded events: attributes in quotes of either kind, one element after the other. */
const event = (id: number, data: Readonly<Record<string, string>>, quotes = '"') =>
  `<Event xmlns="http://schemas.microsoft.com/win/2004/08/events/event"><System><Provider Name="Microsoft-Windows-CodeIntegrity" Guid="{4ee76bd8-3cf4-44a0-a0ac-3937643e37a3}"/><EventID>${id}</EventID><Version>0</Version><Level>2</Level><Task>1</Task><Opcode>111</Opcode><Keywords>0x8000000000000000</Keywords><TimeCreated SystemTime=${quotes}2026-01-27T19:58:05.0166515Z${quotes}/><EventRecordID>191</EventRecordID><Channel>Microsoft-Windows-CodeIntegrity/Operational</Channel></System><EventData>${Object.entries(
    data,
  )
    .map(([name, text]) => `<Data Name=${quotes}${name}${quotes}>${text}</Data>`)
    .join('')}</EventData></Event>`;

const driver = '\\Device\\HarddiskVolume3\\Windows\\System32\\drivers\\cmbridge.sys';

describe('events of Code Integrity', () => {
  it('an event about the driver is found among others, and told in words', () => {
    const other = event(3033, { FileNameBuffer: '\\Device\\HarddiskVolume3\\Windows\\System32\\scrobj.dll' });
    const events = parseEvents(`${other}\r\n${event(3004, { FileNameLength: '58', FileNameBuffer: driver })}`);
    assert.deepEqual(
      events.map(({ id }) => id),
      [3033, 3004],
    );
    const found = logFinding(events);
    assert.equal(found.level, 'warning');
    assert.match(found.text, /2026-01-27T19:58:05\.0166515Z event 3004: the hash of the file was not found/);
    assert.equal(logFinding(parseEvents(other)).level, 'ok');
    assert.equal(logFinding(parseEvents('')).level, 'ok');
  });

  it('an event of an App Control policy names the file in another field, with other quotes, and audits only tell', () => {
    const blocked = parseEvents(event(3077, { 'File Name': driver, PolicyName: 'A &amp; B' }, "'"));
    assert.equal(blocked[0]?.data['PolicyName'], 'A & B');
    assert.equal(logFinding(blocked).level, 'warning');
    assert.equal(logFinding(parseEvents(event(3076, { 'File Name': driver }))).level, 'note');
  });
});

interface DumpOptions {
  readonly drivers: readonly (readonly [name: string, base: bigint, size: number])[];
  readonly parameters?: readonly bigint[];
  readonly broken?: number;
  readonly entrySize?: number;
}

/** A small dump in the layout of DUMP_HEADER64 and TRIAGE_DUMP64. */
function dump({ drivers, parameters = [], broken, entrySize = 0x90 }: DumpOptions): Buffer {
  const list = 0x2100;
  const bytes = Buffer.alloc(0x8000);
  bytes.write('PAGEDU64', 0, 'latin1');
  bytes.writeUInt32LE(0xd1, 0x38);
  parameters.forEach((value, index) => bytes.writeBigUInt64LE(value, 0x40 + 8 * index));
  bytes.writeUInt32LE(4, 0xf98);
  bytes.writeUInt32LE(list, 0x2030);
  bytes.writeUInt32LE(drivers.length, 0x2034);
  if (broken !== undefined) bytes.writeUInt32LE(list + broken * entrySize, 0x2040);
  let text = 0x6000;
  drivers.forEach(([name, base, size], index) => {
    const at = list + index * entrySize;
    bytes.writeUInt32LE(text, at);
    bytes.writeBigUInt64LE(base, at + 0x38);
    bytes.writeUInt32LE(size, at + 0x48);
    bytes.writeUInt32LE(name.length, text);
    bytes.write(name, text + 4, 'utf16le');
    text += 4 + name.length * 2 + 2;
  });
  return bytes;
}

const kernel = ['\\SystemRoot\\system32\\ntoskrnl.exe', 0xfffff80010000000n, 0x1000000] as const;
const ours = ['\\SystemRoot\\System32\\drivers\\cmbridge.sys', 0xfffff80050000000n, 0x40000] as const;

describe('a small memory dump', () => {
  it('a dump tells what stopped Windows, which driver is blamed, and whether an address lies in ours', () => {
    const read = readCrashDump(
      dump({ drivers: [kernel, ours], parameters: [1n, 2n, 0n, 0xfffff80050001234n], broken: 1 }),
      'cmbridge.sys',
    );
    assert.deepEqual(read, {
      bugCheck: 0xd1,
      parameters: [1n, 2n, 0n, 0xfffff80050001234n],
      blamed: 'cmbridge.sys',
      isLoaded: true,
      isInside: true,
    });
  });

  it('a dump of a machine where the driver was only loaded does not name it, whatever the size of an entry', () => {
    for (const entrySize of [0x90, 0xa8, 0xb0, 0x120]) {
      const read = readCrashDump(dump({ drivers: [kernel, ours, kernel], entrySize, broken: 0 }), 'cmbridge.sys');
      assert.deepEqual([read?.blamed, read?.isLoaded, read?.isInside], ['ntoskrnl.exe', true, false], `${entrySize}`);
    }
  });

  it('a file that is no small dump, or a damaged one, is read without a fault', () => {
    assert.equal(readCrashDump(Buffer.from('MDMP'), 'cmbridge.sys'), null);
    const whole = dump({ drivers: [kernel, ours], broken: 1 });
    for (let length = 0; length < whole.length; length += 97) readCrashDump(whole.subarray(0, length), 'cmbridge.sys');
    for (let at = 0x2000; at < 0x2200; at += 4) {
      const damaged = Buffer.from(whole);
      damaged.writeUInt32LE(0xffffffff, at);
      readCrashDump(damaged, 'cmbridge.sys');
    }
  });
});

describe('errors of Windows PowerShell', () => {
  it('an error that comes as CLIXML is told in plain words', () => {
    const xml =
      '#< CLIXML\r\n<Objs Version="1.1.0.1" xmlns="http://schemas.microsoft.com/powershell/2004/04"><S S="Error">not signed: &lt;x&gt;_x000D__x000A_</S><S S="Error">At line:1_x000D__x000A_</S></Objs>';
    assert.equal(plain(xml), 'not signed: <x>\nAt line:1');
    assert.equal(plain(' plain \n'), 'plain');
  });
});

describe('the script for Windows PowerShell', () => {
  it('the script destroys the key whatever happens, and looks for it, before it ends', () => {
    const made = SIGN_SCRIPT.indexOf('New-SelfSignedCertificate');
    const [tried, cleaned, looked] = [
      'try {',
      '} finally {\n  if ($made) { Remove-Certificate $made }',
      '::Exists($key)',
    ].map((text) => SIGN_SCRIPT.indexOf(text));
    assert.ok(tried !== undefined && tried < made);
    assert.ok(cleaned !== undefined && looked !== undefined && made < cleaned && cleaned < looked);
    assert.match(SIGN_SCRIPT, /-DeleteKey/);
    assert.match(SIGN_SCRIPT, /-KeyExportPolicy NonExportable/);
    assert.doesNotMatch(SIGN_SCRIPT, /Root|TrustedPublisher|Export-/);
  });
});
