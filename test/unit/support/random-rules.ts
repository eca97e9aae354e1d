import { notifyClasses } from '../../../lib/registry/notify-class.js';
import { findActionProblems } from '../../../lib/rules/action-problems.js';
import type { Rule, RuleAction } from '../../../lib/rules/rule.js';
import type { Random } from './random.js';

/** What random rules are made of: things that operations have, so that they match now and then. */
export interface RuleVocabulary {
  /** Native paths. */
  readonly keyPaths: readonly string[];
  readonly valueNames: readonly string[];
  readonly valueTypes: readonly ('REG_SZ' | 'REG_DWORD' | 'REG_BINARY')[];
  readonly images: readonly string[];
  readonly users: readonly string[];
  readonly processIds: readonly number[];
  readonly sessions: readonly number[];
  readonly operations: readonly (typeof notifyClasses)[number]['operation'][];
  /** Default: ignore and notify. */
  readonly actions?: readonly RuleAction[];
  /** Percent of the rules with `ancestors`. Default: none. */
  readonly ancestors?: number;
}

export function randomRules(random: Random, words: RuleVocabulary, count: number): Rule[] {
  return Array.from({ length: count }, () => randomRule(random, words));
}

/** What does not go together is left out. */
function randomRule(random: Random, words: RuleVocabulary): Rule {
  const { actions, ancestors = 0 } = words;
  const rule = randomConditions(random, words);
  const wanted: Rule[] = [];
  if (actions !== undefined) wanted.push({ ...rule, action: random.pick(actions) });
  if (ancestors > random.below(100)) wanted.unshift({ ...(wanted[0] ?? rule), ancestors: true });
  return wanted.find((candidate) => findActionProblems(candidate, []).length === 0) ?? rule;
}

function randomConditions(random: Random, words: RuleVocabulary): Rule {
  const often = <T>(percent: number, make: () => T) => (random.below(100) < percent ? make() : undefined);
  const some = <T>(make: () => T) => Array.from({ length: 1 + random.below(3) }, make);
  const one =
    <T>(list: readonly T[]) =>
    () =>
      random.pick(list);
  return {
    action: random.pick(['ignore', 'notify']),
    operations: often(30, () => some(one(words.operations))),
    classes: often(10, () =>
      some(one(notifyClasses.filter(({ operation }) => words.operations.includes(operation)).map(({ name }) => name))),
    ),
    phases: often(20, one(['pre', 'post'] as const)),
    keys: often(80, () => some(() => randomKeyPattern(random, random.pick(words.keyPaths)))),
    valueNames: often(15, () => some(() => randomGlob(random, random.pick(words.valueNames)))),
    valueTypes: often(8, one(words.valueTypes)),
    outcome: often(12, one(['success', 'failure'] as const)),
    process: often(25, () => ({
      id: often(20, one(words.processIds)),
      tree: often(20, () => some(one(words.processIds))),
      image: often(30, () => randomImagePattern(random, random.pick(words.images))),
      user: often(20, one(words.users)),
      session: often(15, one(words.sessions)),
      elevated: often(15, () => random.below(2) === 0),
    })),
  };
}

const roots: readonly (readonly [native: RegExp, names: readonly string[]])[] = [
  [/^\\REGISTRY\\MACHINE\\SOFTWARE\\Classes(?=\\|$)/i, ['HKCR', 'HKLM\\Software\\Classes']],
  [/^\\REGISTRY\\MACHINE(?=\\|$)/i, ['HKLM', 'hkey_local_machine', '\\Registry\\Machine']],
  [/^\\REGISTRY\\USER\\S-1-5-21-[0-9-]+_Classes(?=\\|$)/i, ['HKCR', 'HKCU\\Software\\Classes']],
  [/^\\REGISTRY\\USER\\(S-1-5-[0-9-]+|\.DEFAULT)(?=\\|$)/i, ['HKCU', 'HKEY_CURRENT_USER']],
  [/^\\REGISTRY\\USER(?=\\|$)/i, ['HKU', 'HKEY_USERS']],
  [/^\\REGISTRY\\A\\\{x\}/i, ['<AppHive {X}>', '<AppHive *>']],
];

/** A pattern that has something to do with the path. */
export function randomKeyPattern(random: Random, path: string): string {
  let text = path.replaceAll('*', '[*]');
  const [native, names] = random.pick(roots);
  const isRooted = random.below(4) > 0 && native.test(text);
  const root = isRooted ? random.pick(names) : '';
  text = isRooted ? text.replace(native, '') : text;
  const components = randomComponents(random, text, isRooted ? 0 : 1);
  if (isRooted) return [root, ...components].join('\\');
  return random.below(6) === 0 ? ['**', ...components.slice(-2)].join('\\') : `\\${components.join('\\')}`;
}

function randomComponents(random: Random, path: string, fixed: number): string[] {
  const components = path.split('\\').filter((name) => name !== '');
  const count = components.length - (random.below(3) === 0 ? random.below(3) : 0);
  const result = components.slice(0, Math.max(count, fixed)).flatMap((name, index) => {
    if (index < fixed) return [name];
    switch (random.below(12)) {
      case 0:
        return ['*'];
      case 1:
        return ['**'];
      case 2:
        return ['**', name];
      case 3:
        return [randomGlob(random, name)];
      case 4:
        return ['*', '**'];
      default:
        return [name];
    }
  });
  return random.below(3) === 0 ? [...result, '**'] : result;
}

export function randomGlob(random: Random, name: string): string {
  const glob = globOf(random, name);
  return glob.includes('**') ? '*' : glob;
}

function globOf(random: Random, name: string): string {
  const at = random.below(name.length + 1);
  switch (random.below(6)) {
    case 0:
      return `${name.slice(0, at)}*`;
    case 1:
      return `*${name.slice(at)}`;
    case 2:
      return `${name.slice(0, at)}*${name.slice(Math.min(name.length, at + random.below(3)))}`;
    case 3:
      return at === name.length ? '*' : `*${name.slice(at, at + 1 + random.below(3)).replaceAll('*', '[*]')}*`;
    case 4:
      return name.toLowerCase();
    default:
      return name;
  }
}

function randomImagePattern(random: Random, path: string): string {
  const names = path.split('\\').filter((name) => name !== '');
  const last = names.at(-1) ?? '';
  switch (random.below(5)) {
    case 0:
      return last;
    case 1:
      return randomGlob(random, last);
    case 2:
      return `\\${randomComponents(random, path, 1).join('\\')}`;
    case 3:
      return `C:\\${names.slice(2).join('\\')}`;
    default:
      return `C:\\${['**', last].join('\\')}`;
  }
}
