import assert from 'node:assert/strict';
import { describe } from 'node:test';
import {
  block,
  bypass,
  compileRules,
  explainRules,
  RulesError,
  type Event,
  type NotificationEvent,
  type Rule,
  type RulesExplanation,
} from '../../lib/index.js';
import { Random } from '../unit/support/random.js';
import { randomRules, type RuleVocabulary } from '../unit/support/random-rules.js';
import { LONG, Policy } from './decision-fixture.js';
import { collect, scenario } from './fixture.js';
import type { ConformanceHost } from './host.js';
import { names, operate, valueNames } from './rules-random.js';

type Ruled = 'ask' | 'block' | 'bypass';
const rulesOnly = new Set<string>(['block', 'bypass'] satisfies Ruled[]);

/** A random rule that decides something, as often as not; one that no compiler takes is thrown away. */
function randomRule(random: Random, words: RuleVocabulary): Rule {
  for (;;) {
    const [rule] = randomRules(random, words, 1);
    assert.ok(rule);
    // What processes are is compared elsewhere.
    const plain = { ...rule, process: undefined };
    const dryRun = random.below(4) === 0;
    const made = random.pick<Rule>([
      plain,
      { ...plain, action: 'ask', deadline: LONG, dryRun },
      { ...plain, action: 'ask', deadline: LONG, dryRun },
      { ...plain, action: 'block', status: 'STATUS_CANCELLED', dryRun },
      { ...plain, action: 'bypass', dryRun },
    ]);
    try {
      compileRules([made]);
      return made;
    } catch (error) {
      if (!(error instanceof RulesError)) throw error;
    }
  }
}

/** What the callback says: the same for the same operation. */
function opinion(event: NotificationEvent): 'allow' | 'block' | 'bypass' {
  if (event.phase !== 'pre') return 'allow';
  const valueName = 'valueName' in event ? event.valueName : '';
  const letters = Buffer.from(`${event.class}${event.keyPath ?? ''}${valueName ?? ''}`, 'utf16le');
  const sum = letters.reduce((all, byte) => all + byte, 0);
  if (sum % 3 === 0) return 'block';
  return sum % 3 === 1 && event.class === 'RegNtPreSetValueKey' ? 'bypass' : 'allow';
}

const nameOf = (event: NotificationEvent): string =>
  `${event.class} ${event.keyPath ?? ''} ${('valueName' in event ? event.valueName : null) ?? ''} ${event.statusName ?? ''}`;

interface Told {
  readonly kind: string;
  readonly decidedBy: string;
  readonly rule: number | null;
  readonly dryRun: boolean;
  readonly ended: boolean;
}

function lineOf(event: NotificationEvent, question: number | null, told: Told | null): string {
  return JSON.stringify([nameOf(event), question, told]);
}

function actualLine(event: NotificationEvent): string {
  const { question, decision } = event;
  const told = decision && {
    kind: decision.kind,
    decidedBy: decision.decidedBy,
    rule: decision.rule?.index ?? null,
    dryRun: decision.dryRun,
    ended: decision.ended,
  };
  return lineOf(event, question?.rule?.index ?? null, told);
}

/** What the rules decide about a pre event, if they do. */
function decisionOf(event: NotificationEvent, { action, rule }: RulesExplanation, rules: readonly Rule[]): Told | null {
  if (action !== 'ask' && !rulesOnly.has(action)) return null;
  const kind = action === 'ask' ? opinion(event) : action;
  const dryRun = rules[rule ?? -1]?.dryRun === true;
  const decidedBy = action === 'ask' ? 'callback' : 'rule';
  return { kind, decidedBy, rule, dryRun, ended: kind !== 'allow' && !dryRun };
}

/** What a registration with these rules is told, by what one above it has seen. */
function expectedLines(
  seen: readonly NotificationEvent[],
  explain: (event: Event) => RulesExplanation,
  rules: readonly Rule[],
): string[] {
  const decided = new Map<bigint, Told>();
  const lines: string[] = [];
  for (const event of seen) {
    const explained = explain(event);
    assert.equal(explained.uncertain, false);
    const question = explained.action === 'ask' ? explained.rule : null;
    if (event.phase === 'post') {
      const told = decided.get(event.preSequence ?? 0n) ?? null;
      // An operation that ended in pre has no second phase that could be asked about. A question tells of no decision before it.
      const isAsked = question !== null && told?.ended !== true;
      if (told || explained.action === 'notify' || isAsked)
        lines.push(isAsked ? lineOf(event, question, null) : lineOf(event, null, told));
      continue;
    }
    const told = decisionOf(event, explained, rules);
    if (told) decided.set(event.sequence, told);
    if (explained.action === 'notify' || question !== null) lines.push(lineOf(event, question, null));
  }
  return lines;
}

export function randomDecisionSuite(host: ConformanceHost): void {
  describe('random decisions', () => {
    scenario(host, 'random decisions are what the rules read like, and are told so', async ({ driver, actor, key }) => {
      const random = new Random(23);
      const below = names.flatMap((name) => [`${key.path}\\${name}`, `${key.path}\\${name}\\${random.pick(names)}`]);
      const words: RuleVocabulary = {
        keyPaths: [key.path, ...below],
        valueNames,
        valueTypes: ['REG_SZ', 'REG_DWORD', 'REG_BINARY'],
        images: ['\\Device\\HarddiskVolume1\\actor.exe'],
        users: ['S-1-5-18'],
        processIds: [actor.id],
        sessions: [0],
        operations: [
          'SetValueKey',
          'QueryValueKey',
          'DeleteValueKey',
          'CreateKey',
          'OpenKey',
          'RenameKey',
          'DeleteKey',
        ],
      };
      const tally = { ended: 0, allowed: 0, rehearsed: 0 };
      for (let round = 0; round < 40; round += 1) {
        const rules = Array.from({ length: 1 + random.below(6) }, () => randomRule(random, words));
        const otherwise = random.pick(['ignore', 'notify'] as const);
        const observer = await collect(driver, actor, { altitude: '389710.3' });
        const policy = await Policy.set(driver, actor, { altitude: '389700.3', rules, otherwise }, (event) => {
          const kind = opinion(event);
          return kind === 'block' ? block() : kind === 'bypass' ? bypass() : undefined;
        });
        for (let turn = 0; turn < 2; turn += 1) await operate(random, actor, key);
        await policy.end();
        await observer.registration.unregister();
        const isNotification = (event: Event): event is NotificationEvent =>
          'processId' in event && event.class !== 'unknown';
        const options = { otherwise, controlSet: driver.limits.controlSet ?? undefined };
        const explain = (event: Event) => explainRules(rules, event, options);
        const wish = expectedLines(observer.events.filter(isNotification), explain, rules);
        const actual = policy.events.filter(isNotification).map(actualLine);
        const at = wish.findIndex((line, index) => line !== actual[index]);
        const where = { at, actual: actual.slice(at, at + 3), wish: wish.slice(at, at + 3), otherwise, rules };
        assert.deepEqual(actual, wish, JSON.stringify(where, null, 1));
        for (const { decision } of policy.decided) {
          tally.ended += Number(decision.ended);
          tally.allowed += Number(decision.kind === 'allow');
          tally.rehearsed += Number(decision.dryRun);
        }
        for (const name of await key.enumerateKeys()) await actor.deleteTree(`${key.path}\\${name}`);
      }
      assert.ok(tally.ended > 50 && tally.allowed > 50 && tally.rehearsed > 20, JSON.stringify(tally));
    });
  });
}
