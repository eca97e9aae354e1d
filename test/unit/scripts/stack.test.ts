import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

const script = fileURLToPath(new URL('../../../../scripts/check-stack.mjs', import.meta.url));
const folder = mkdtempSync(path.join(tmpdir(), 'cmb-stack-'));
let count = 0;

/** What the check says of the assembly text of two files, and its worst chain. */
function check(...files: readonly string[]): { problems: string[]; worst: string | undefined } {
  const names = files.map((text) => {
    const name = path.join(folder, `${String(count++)}.s`);
    writeFileSync(name, text);
    return name;
  });
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...names], { encoding: 'utf8' });
  const problems = stderr.split('\n').filter((line) => line !== '');
  assert.equal(status, problems.length > 0 ? 1 : 0, stderr);
  return { problems, worst: stdout.split('\n')[1]?.trim() };
}

/** A function as clang writes it: so many bytes of stack, and its instructions. */
const fn = (name: string, bytes: number, body: readonly string[], local = false): string =>
  [
    `\t.def\t${name};`,
    `\t.scl\t${local ? '3' : '2'};`,
    '\t.type\t32;',
    '\t.endef',
    `${name}:                               # @${name}`,
    `.seh_proc ${name}`,
    '\tpushq\t%rbx',
    '\t.seh_pushreg %rbx',
    `\tsubq\t$${String(bytes)}, %rsp`,
    `\t.seh_stackalloc ${String(bytes)}`,
    '\t.seh_endprologue',
    ...body.map((line) => `\t${line}`),
    '\tretq',
    '\t.seh_endproc',
    '',
  ].join('\n');

after(() => {
  rmSync(folder, { recursive: true });
});

describe('the check of the stack', () => {
  it('a chain is the sum of its frames with what they save and where they return to', () => {
    const { problems, worst } = check(
      fn('Entry', 100, ['callq\tMiddle', 'callq\tSmall']),
      fn('Middle', 200, ['callq\tLeaf']) + fn('Leaf', 40, [], true) + fn('Small', 60, []),
    );
    assert.deepEqual(problems, []);
    assert.equal(worst, '388: Entry 116 > Middle 216 > Leaf 56');
  });

  it('a function that another file has for itself is not called', () => {
    const { worst } = check(
      fn('Entry', 100, ['callq\tHelper']) + fn('Helper', 10, [], true),
      fn('Helper', 900, [], true),
    );
    assert.equal(worst, '916: Helper 916');
  });

  it('a jump in place of a return gives its own frame back', () => {
    const { worst } = check(
      fn('Entry', 100, ['jmp\tNext                            # TAILCALL']) + fn('Next', 300, []),
    );
    assert.equal(worst, '316: Entry 116 > Next 316');
  });

  it('a frame over the budget is refused', () => {
    const { problems } = check(fn('Entry', 4096, []));
    assert.deepEqual(problems, ['Entry has a frame of 4112 bytes; the budget is 2048']);
  });

  it('a chain over the budget is refused', () => {
    const { problems } = check(
      fn('A', 1984, ['callq\tB']) + fn('B', 1984, ['callq\tC']) + fn('C', 1984, ['callq\tD']) + fn('D', 1984, []),
    );
    assert.deepEqual(problems, ['a chain takes 8000 bytes; the budget is 7168: A 2000 > B 2000 > C 2000 > D 2000']);
  });

  it('a call through a pointer is refused unless somebody has said where it leads', () => {
    const body = ['callq\t*%rax'];
    const sentence = 'Entry calls through a pointer, and nothing says what that reaches';
    assert.deepEqual(check(fn('Entry', 100, body)).problems, [sentence]);
    // The address of an import, kept in a register.
    assert.deepEqual(check(fn('Entry', 100, ['movq\t__imp_ZwClose(%rip), %rax', ...body])).problems, []);
    // A jump by a table stays in the function.
    const table = ['leaq\t.LJTI0_0(%rip), %rcx', 'jmpq\t*%rax'];
    assert.deepEqual(check(fn('Entry', 100, table)).problems, []);
  });

  it('recursion and a frame that grows as it runs are refused', () => {
    const { problems } = check(fn('Entry', 100, ['callq\tEntry']) + fn('Other', 100, ['subq\t%rax, %rsp']));
    assert.deepEqual(problems.toSorted(), [
      'Other takes an amount of stack that is known only when it runs',
      'recursion: Entry > Entry',
    ]);
  });

  it('where the callback may be called again below itself is told', () => {
    const { stdout } = spawnSync(
      process.execPath,
      [
        script,
        ...[fn('CallbackNotify', 100, ['callq\tRead']), fn('Read', 50, ['callq\t*__imp_ZwQueryValueKey(%rip)'])].map(
          (text) => {
            const name = path.join(folder, `${String(count++)}.s`);
            writeFileSync(name, text);
            return name;
          },
        ),
      ],
      { encoding: 'utf8' },
    );
    assert.match(stdout, /182 before ZwQueryValueKey: CallbackNotify 116 > Read 66/);
  });
});
