import type { RegisterOptions } from '../../lib/session/register-options.js';
import { compileRules } from '../../lib/rules/program/compile.js';
import type { CompiledRules } from '../../lib/rules/rule.js';
import { pick, type PartOptions } from './part.js';
import { allClassesMask } from './raw-session.js';
import type { Row, Section } from './report.js';
import {
  benchKey,
  calibrate,
  runLoad,
  startRawReader,
  startRig,
  type LoadKind,
  type RawReader,
  type Rig,
} from './rig.js';
import { rulesWithoutMatch } from './rule-sets.js';
import { interleave, paired, samplesOf, summarize, type Candidate } from './summary.js';
import { formatValue } from './table.js';

interface Operation {
  readonly kind: LoadKind;
  readonly title: string;
  /** Of one operation. */
  readonly notifications: number;
}

export const operations: readonly Operation[] = [
  { kind: 'notify', title: 'the notification path alone, pre and post', notifications: 2 },
  { kind: 'query', title: 'query value, pre and post', notifications: 2 },
  { kind: 'set', title: 'set value, pre and post', notifications: 2 },
  { kind: 'open', title: 'open and close of a key, each pre and post', notifications: 4 },
];
const ruleCounts = [1, 10, 100, 1000];
const altitude = '385000.2';
const queueBytes = 16 * 1024 * 1024;

/** What a registration costs the thread that uses the registry. */
export async function callbackCost(options: PartOptions): Promise<Section[]> {
  await using rig = await startRig();
  await using reader = await startRawReader(queueBytes);
  const ruleSets = new Map(ruleCounts.map((count) => [count, compileRules(rulesWithoutMatch(count))]));
  const sections: Section[] = [];
  for (const operation of operations) {
    options.progress(operation.title);
    sections.push(await costOf(operation, rig, reader, ruleSets, options));
  }
  return sections;
}

async function costOf(
  { kind, title, notifications }: Operation,
  rig: Rig,
  reader: RawReader,
  ruleSets: ReadonlyMap<number, CompiledRules>,
  options: PartOptions,
): Promise<Section> {
  const load = { path: benchKey, kind };
  const count = await calibrate(rig.process, load, pick(options, 2, 20));
  const perOperation = async () => {
    const { operations, nanoseconds } = await runLoad(rig.process, { ...load, operations: count });
    return nanoseconds / operations;
  };
  const registered = async (wanted: Omit<RegisterOptions, 'altitude'>) => {
    const registration = await rig.driver.registerCallback({ ...wanted, altitude }, unexpected);
    const sample = await perOperation();
    await registration.unregister();
    return sample;
  };
  const before = await reader.session.statistics();
  const notified = async (oldValues: boolean) => {
    const cookie = await reader.session.register({ classMask: allClassesMask, oldValues });
    const sample = await perOperation();
    await reader.session.unregister(cookie);
    return sample;
  };

  const labels = new Map<string, string>();
  const candidates: Candidate[] = [];
  const add = (id: string, label: string, measure: () => Promise<number>) => {
    labels.set(id, label);
    candidates.push({ id, measure });
  };
  add('none', 'nothing registered', perOperation);
  add('other-class', 'registered for another class', () => registered({ classes: ['RegNtPreSaveKey'] }));
  for (const [size, rules] of ruleSets) {
    add(`rules-${size}`, `${size} ${size === 1 ? 'rule' : 'rules'}, no match`, () => registered({ rules }));
  }
  add('notify', 'every notification is sent', () => notified(false));
  if (kind === 'set') add('notify-old', 'the same, with old values', () => notified(true));

  const samples = await interleave(candidates, pick(options, 1, 63));
  const base = samplesOf(samples, 'none');
  const after = await reader.session.statistics();
  const lost = Number(after.lost - before.lost) / Number(after.callbacks - before.callbacks);
  const rows = candidates.map(({ id }): Row => {
    const own = samplesOf(samples, id);
    const added = paired(own, base, (one, none) => (one - none) / notifications);
    return {
      id,
      label: labels.get(id) ?? id,
      values: { operation: summarize(own), ...(id === 'none' ? {} : { added: summarize(added) }) },
    };
  });
  return {
    id: `callback-${kind}`,
    title: `Callback cost: ${title}`,
    columns: [
      { key: 'operation', label: 'per operation', unit: 'ns' },
      { key: 'added', label: 'added per notification', unit: 'ns' },
    ],
    rows,
    notes: [
      `${count} operations per sample, one thread, ${notifications} notifications per operation.`,
      `Of those that were to be sent ${formatValue(100 * lost, 'percent')} found no room in the queue.`,
    ],
  };
}

function unexpected(): void {
  throw new Error('an event came although nothing was wanted');
}
