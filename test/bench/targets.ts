import { operations } from './callback-cost.js';
import { valueOf, type Section, type Target } from './report.js';
import { formatValue } from './table.js';

const wantedRate = 3e6;
const mebibyte = 1024 * 1024;

/** What is aimed at, and whether one run met it; parts that were not run give none. */
export function judge(sections: readonly Section[]): Target[] {
  return [...throughput(sections), ...callbackCost(sections), ...decisions(sections), ...flatMemory(sections)];
}

function throughput(sections: readonly Section[]): Target[] {
  const rate = (row: string) => valueOf(sections, 'replay', row, 'rate');
  const [full, copy] = [rate('full'), rate('copy')];
  if (full === undefined || copy === undefined) return [];
  const wanted = Math.min(wantedRate, copy / 2);
  const times = (row: string, text: string, factor: number): Target => {
    const ratio = valueOf(sections, 'replay', row, 'ratio') ?? 0;
    return {
      id: `throughput-${row}`,
      text: `full decode against ${text} (consumer only)`,
      wanted: `at least ${factor} times`,
      found: `${formatValue(ratio, 'ratio')} times`,
      met: ratio >= factor,
    };
  };
  return [
    {
      id: 'throughput',
      text: 'fully decoded events per second (consumer only)',
      wanted: `at least 3 M or half of (c), ${formatValue(wanted, 'events/s')}`,
      found: formatValue(full, 'events/s'),
      met: full >= wanted,
    },
    times('objects', '(a) an object by Node-API per event', 15),
    times('json', '(b) lines of JSON', 3),
  ];
}

function callbackCost(sections: readonly Section[]): Target[] {
  return operations.flatMap(({ kind, title }) => {
    const added = (row: string) => valueOf(sections, `callback-${kind}`, row, 'added');
    const [one, thousand] = [added('rules-1'), added('rules-1000')];
    if (one === undefined || thousand === undefined) return [];
    const most = Math.max(one, thousand);
    const ratio = thousand / one;
    return [
      {
        id: `no-match-${kind}`,
        text: `a notification without a match adds: ${title}`,
        wanted: 'at most 100 ns',
        found: `${formatValue(most, 'ns')} ns`,
        met: most <= 100,
      },
      {
        id: `rules-${kind}`,
        text: `1,000 rules against 1, no match: ${title}`,
        wanted: 'at most 1.3 times',
        found: `${formatValue(ratio, 'ratio')} times`,
        met: ratio <= 1.3,
      },
    ];
  });
}

function decisions(sections: readonly Section[]): Target[] {
  return [
    { key: 'p50', text: 'median', most: 30_000 },
    { key: 'p99', text: '99th percentile', most: 300_000 },
  ].flatMap(({ key, text, most }) => {
    const found = valueOf(sections, 'decisions', 'async', key);
    if (found === undefined) return [];
    return [
      {
        id: `decision-${key}`,
        text: `a decision, nothing else going on: ${text}`,
        wanted: `at most ${formatValue(most, 'ns')} ns`,
        found: `${formatValue(found, 'ns')} ns`,
        met: found <= most,
      },
    ];
  });
}

/** Between 10^6 and 10^7 events nothing may grow that events can make grow. */
function flatMemory(sections: readonly Section[]): Target[] {
  const held = (events: number) => {
    const value = (key: string) => valueOf(sections, 'growth-events', `events-${events}`, key);
    const [pool, heap, external] = [value('pool'), value('heap'), value('external')];
    return pool === undefined || heap === undefined || external === undefined ? undefined : pool + heap + external;
  };
  const [early, late] = [held(1_000_000), held(10_000_000)];
  if (early === undefined || late === undefined) return [];
  const growth = late - early;
  return [
    {
      id: 'flat-memory',
      text: 'growth of pool, heap and external memory from 10^6 to 10^7 events',
      wanted: 'at most 1 MiB',
      found: formatValue(growth, 'bytes'),
      met: growth <= mebibyte,
    },
  ];
}
