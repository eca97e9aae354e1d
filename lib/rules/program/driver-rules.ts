// Rules for one driver: what it cannot do is refused before anything is sent.

import { CmBridgeError, invalidArgument } from '../../base/errors.js';
import { quote } from '../../base/options.js';
import * as P from '../../wire/protocol.js';
import { compileRules } from './compile.js';
import type { CompiledRules, Rule, RuleAction } from '../rule.js';
import type { RuleReference } from '../../event/event.js';

/** Rules, or what `compileRules` made of them. */
export type RulesInput = readonly Rule[] | CompiledRules;

/** What of the driver's HELLO matters to rules. */
export interface RulesTarget {
  readonly capabilities: number;
  readonly limits: { readonly maxRulesBytes: number; readonly controlSet: number | null };
}

const actions: readonly RuleAction[] = ['ignore', 'notify', 'ask', 'block', 'bypass'];

/** Rules for this driver; what it cannot do is refused here, before anything is sent. */
export function rulesForDriver(rules: unknown, otherwise: unknown, target: RulesTarget): CompiledRules {
  const { maxRulesBytes, controlSet } = target.limits;
  requireCapability(target);
  if (isCompiled(rules)) {
    if (otherwise !== undefined)
      throw invalidArgument('"otherwise" is in the compiled rules already; give it to compileRules()');
    requireActions(actionsOf(rules.bytes), target, rules.sources);
    if (rules.bytes.byteLength <= maxRulesBytes) return rules;
    throw invalidArgument(
      `The compiled rules take ${rules.bytes.byteLength} bytes; this driver takes at most ${maxRulesBytes}`,
    );
  }
  const compiled = compileRules(rules as readonly Rule[], {
    ...(otherwise === undefined ? {} : { otherwise: otherwise as 'ignore' }),
    ...(controlSet === null ? {} : { controlSet }),
    maxBytes: maxRulesBytes,
  });
  requireActions(
    (rules as readonly Rule[]).map(({ action }) => action),
    target,
  );
  return compiled;
}

function isCompiled(rules: unknown): rules is CompiledRules {
  if (typeof rules !== 'object' || rules === null || Array.isArray(rules) || !('bytes' in rules)) return false;
  const { bytes } = rules;
  if (bytes instanceof Uint8Array && bytes.byteLength >= P.CMB_RULES.size && bytes.byteLength % 8 === 0) {
    if ('sources' in rules && Array.isArray(rules.sources) && 'asks' in rules) return true;
    throw invalidArgument('"rules" must be what compileRules() made as a whole; "sources" or "asks" is missing');
  }
  throw invalidArgument(`"rules.bytes" must be the program that compileRules() made, not ${quote(bytes)}`);
}

function requireCapability({ capabilities }: RulesTarget): void {
  if ((capabilities & P.CMB_CAPABILITY_SET_RULES) !== 0) return;
  throw new CmBridgeError(
    'CMB_NOT_SUPPORTED',
    'This driver takes no rules; npx cmbridge driver install --upgrade puts the one of this package in its place',
  );
}

/** `sources` tell which of the program's rules one of the driver's was made of. */
function requireActions(
  used: readonly (RuleAction | undefined)[],
  { capabilities }: RulesTarget,
  sources?: readonly RuleReference[],
): void {
  if ((capabilities & P.CMB_CAPABILITY_REPLY) !== 0) return;
  const index = used.findIndex((action) => action !== 'ignore' && action !== 'notify');
  if (index === -1) return;
  throw new CmBridgeError(
    'CMB_NOT_SUPPORTED',
    `rules[${sources?.[index]?.index ?? index}].action: this driver cannot hold operations back, so it knows "ignore" and "notify" only, not ${quote(used[index])}`,
  );
}

function actionsOf(bytes: Uint8Array): (RuleAction | undefined)[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const first = P.CMB_RULES.size;
  const room = Math.max(0, Math.floor((bytes.byteLength - first) / P.CMB_RULE.size));
  // The driver verifies what is inconsistent.
  const count = Math.min(view.getUint32(P.CMB_RULES.RuleCount, true), room);
  return Array.from(
    { length: count },
    (_, index) => actions[view.getUint32(first + index * P.CMB_RULE.size + P.CMB_RULE.Action, true)],
  );
}
