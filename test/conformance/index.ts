import { describe } from 'node:test';
import { abortSuite } from './abort.js';
import { eventSuite } from './events.js';
import { hostileSuite } from './hostile.js';
import type { ConformanceHost } from './host.js';
import { lifetimeSuite } from './lifetime.js';
import { orderSuite } from './order.js';
import { overflowSuite } from './overflow.js';
import { registrationSuite } from './registration.js';

export type { Actor, ActorKey, ConformanceHost, Victim } from './host.js';

/** The whole suite for one host: the simulator, Windows binaries under Wine, real Windows. */
export function conformance(host: ConformanceHost): void {
  describe(`conformance on ${host.name}`, () => {
    registrationSuite(host);
    eventSuite(host);
    orderSuite(host);
    lifetimeSuite(host);
    overflowSuite(host);
    abortSuite(host);
    hostileSuite(host);
  });
}
