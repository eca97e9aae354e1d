import { describe } from 'node:test';
import { abortSuite } from './abort.js';
import { emulateSuite } from './emulate.js';
import { eventSuite } from './events.js';
import { flowSuite } from './flow.js';
import { hiveSuite } from './hives.js';
import { hostileSuite } from './hostile.js';
import type { ConformanceHost } from './host.js';
import { identitySuite } from './identity.js';
import { keySuite } from './keys.js';
import { lifetimeSuite } from './lifetime.js';
import { orderSuite } from './order.js';
import { overflowSuite } from './overflow.js';
import { querySuite } from './queries.js';
import { registrationSuite } from './registration.js';
import { ruleChangeSuite } from './rules-change.js';
import { randomRuleSuite } from './rules-random.js';
import { ruleProcessSuite } from './rules-who.js';
import { ruleSuite } from './rules.js';
import { securitySuite } from './security.js';
import { transactionSuite } from './transactions.js';
import { valueSuite } from './values.js';
import { viewSuite } from './views.js';

export type { Ability, Actor, ActorKey, ConformanceHost, Victim, VictimOptions } from './host.js';

/** The whole suite for one host: the simulator, Windows binaries under Wine, real Windows. */
export function conformance(host: ConformanceHost): void {
  describe(`conformance on ${host.name}`, () => {
    registrationSuite(host);
    eventSuite(host);
    keySuite(host);
    valueSuite(host);
    querySuite(host);
    securitySuite(host);
    hiveSuite(host);
    transactionSuite(host);
    viewSuite(host);
    identitySuite(host);
    orderSuite(host);
    lifetimeSuite(host);
    overflowSuite(host);
    flowSuite(host);
    ruleSuite(host);
    ruleProcessSuite(host);
    ruleChangeSuite(host);
    randomRuleSuite(host);
    emulateSuite(host);
    abortSuite(host);
    hostileSuite(host);
  });
}
