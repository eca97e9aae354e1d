import { callbackCost } from './callback-cost.js';
import { decisionLatency } from './decision-latency.js';
import { growthEvents } from './growth-events.js';
import { growthPaths } from './growth-paths.js';
import { growthRegistrations } from './growth-registrations.js';
import { memoryUse } from './memory.js';
import type { Part } from './part.js';
import { throughputLive } from './throughput-live.js';
import { throughputReplay } from './throughput-replay.js';

export const parts: readonly Part[] = [
  { name: 'callback', text: 'what a registration costs each operation', run: callbackCost },
  { name: 'replay', text: 'throughput of the consumer alone', run: throughputReplay },
  { name: 'live', text: 'throughput from the callback to the program', run: throughputLive },
  { name: 'decisions', text: 'how long a decision takes', run: decisionLatency },
  { name: 'memory', text: 'who holds how much memory', run: memoryUse },
  { name: 'events', text: 'growth with the number of events', run: growthEvents },
  { name: 'registrations', text: 'growth with the number of registrations', run: growthRegistrations },
  { name: 'paths', text: 'growth with the number of key paths', run: growthPaths },
];
