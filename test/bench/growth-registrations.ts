import type { Registration } from '../../lib/session/registration.js';
import { compileRules } from '../../lib/rules/program/compile.js';
import { pick, type PartOptions } from './part.js';
import { allClassesMask } from './raw-session.js';
import type { Row, Section } from './report.js';
import { benchKey, calibrate, runLoad, startRawReader, startRig } from './rig.js';
import { rulesWithoutMatch } from './rule-sets.js';
import { interleave, paired, samplesOf, summarize, type Candidate } from './summary.js';

const notifications = 2;

/** What each registration adds to a query of a value, when there are more and more of them. */
export async function growthRegistrations(options: PartOptions): Promise<Section[]> {
  await using rig = await startRig();
  await using reader = await startRawReader();
  const load = { path: benchKey, kind: 'query' } as const;
  const count = await calibrate(rig.process, load, pick(options, 2, 40));
  const rules = compileRules(rulesWithoutMatch(100));
  const run = async (registrations: number) => {
    const wanted = Math.max(1000, Math.ceil(count / registrations));
    const { operations, nanoseconds } = await runLoad(rig.process, { ...load, operations: wanted });
    return nanoseconds / operations;
  };
  const ignoring = async (registrations: number) => {
    const registered: Registration[] = [];
    for (let index = 0; index < registrations; index++) {
      registered.push(await rig.driver.registerCallback({ altitude: `${385100 + index}`, rules }, () => undefined));
    }
    const sample = await run(registrations);
    for (const registration of registered) await registration.unregister();
    return sample;
  };
  const notifying = async (registrations: number) => {
    const cookies: bigint[] = [];
    for (let index = 0; index < registrations; index++) {
      cookies.push(await reader.session.register({ classMask: allClassesMask, altitude: `${385200 + index}` }));
    }
    const sample = await run(registrations);
    for (const cookie of cookies) await reader.session.unregister(cookie);
    return sample;
  };

  const sizes = pick(options, [1, 4], [1, 2, 4, 8, 16, 32, 64]);
  const candidates: Candidate[] = [{ id: 'none', measure: () => run(1) }];
  for (const size of sizes) {
    candidates.push({ id: `ignoring-${size}`, measure: () => ignoring(size) });
    candidates.push({ id: `notifying-${size}`, measure: () => notifying(size) });
  }
  const samples = await interleave(candidates, pick(options, 1, 9));
  const base = samplesOf(samples, 'none');
  const added = (id: string, size: number) =>
    summarize(paired(samplesOf(samples, id), base, (one, none) => (one - none) / (notifications * size)));
  return [
    {
      id: 'growth-registrations',
      title: 'Growth: registrations that a query of a value meets',
      columns: [
        { key: 'ignoring', label: '100 rules, no match: per notification and registration', unit: 'ns' },
        { key: 'notifying', label: 'every notification sent: likewise', unit: 'ns' },
      ],
      rows: sizes.map((size): Row => ({
        id: `registrations-${size}`,
        label: `${size} ${size === 1 ? 'registration' : 'registrations'}`,
        values: { ignoring: added(`ignoring-${size}`, size), notifying: added(`notifying-${size}`, size) },
      })),
      notes: ['Those that send share one session and its queue, whose batches are taken and not decoded.'],
    },
  ];
}
