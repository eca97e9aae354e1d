// Rules as people write them, and what compiling makes of them.

import type { NotifyClassName, Operation, Phase } from '../registry/notify-class.js';
import type { NtStatusName } from '../base/nt-status.js';
import type { RegistryType } from '../registry/registry-value.js';
import type { RuleReference } from '../event/event.js';
import type { RuleContext } from './pattern/context.js';
import type { RuleProblem } from './problem.js';

export type OneOrMany<T> = T | readonly T[];

/**
 * What becomes of a notification. `ignore` costs next to nothing, `notify` makes an event of it. `ask` holds the operation until the
 * callback has decided about it. `block` and `bypass` decide in the driver: the operation is not performed, and ends with an error or, with
 * `bypass`, as if it had been. These three are meant for pre unless the rule names classes or phases.
 */
export type RuleAction = 'ignore' | 'notify' | 'ask' | 'block' | 'bypass';

/** Which process, all conditions together; of several values, any one. What is not known about a process fits no condition. */
export interface ProcessCondition {
  /** PsGetProcessId, 0 to 4294967295. */
  readonly id?: OneOrMany<number> | undefined;
  /** The process with this id, and all that descend from it: those that live now and those that are born later. At most 32 ids. */
  readonly tree?: OneOrMany<number> | undefined;
  /**
   * Pattern for the path of the program (SeLocateProcessImageName): a name for any directory (`reg.exe`), a path with a drive letter,
   * or a native one (`\Device\HarddiskVolume1\Windows\**`). `*` and `**` as in `keys`.
   */
  readonly image?: OneOrMany<string> | undefined;
  /** SID of whom the thread acts for: the user that it impersonates, otherwise that of the process. As `event.user`. */
  readonly user?: OneOrMany<string> | undefined;
  /** Terminal Services session of the primary token, 0 to 4294967295; 0 is that of the services. */
  readonly session?: OneOrMany<number> | undefined;
  /** TokenElevation of the primary token. */
  readonly elevated?: boolean | undefined;
}

/** Matches a notification when all its conditions do; a condition that is left out always does. */
export interface Rule {
  /** For people: it stands in messages and explanations. */
  readonly name?: string | undefined;
  /** Pre and post class of an operation: `SetValueKey`. */
  readonly operations?: OneOrMany<Operation> | undefined;
  /** REG_NOTIFY_CLASS: `RegNtPreSetValueKey`. */
  readonly classes?: OneOrMany<NotifyClassName> | undefined;
  readonly phases?: OneOrMany<Phase> | undefined;
  /**
   * Patterns for the key. They begin with a root key (`HKLM`, `HKCU`, ..., `\REGISTRY`, `<AppHive ...>`) or with `**`. `*` is any text
   * within a component, `**` as a component any number of components, none included, and `[*]` an asterisk. Case does not matter, and
   * a key is found under all of its names. HKCU is the key of every account.
   */
  readonly keys?: OneOrMany<string> | undefined;
  /** Patterns for the name of the value that is set, deleted or queried; `''` is the default value. Backslashes are ordinary here. */
  readonly valueNames?: OneOrMany<string> | undefined;
  /** What SetValueKey writes: `REG_SZ`. */
  readonly valueTypes?: OneOrMany<RegistryType> | undefined;
  readonly process?: ProcessCondition | undefined;
  /** Whether the operation succeeded (NT_SUCCESS of its status), which only post classes know. */
  readonly outcome?: 'success' | 'failure' | undefined;
  /**
   * Also what is done to keys above these and takes them along: RenameKey, RestoreKey, ReplaceKey, LoadKey and UnLoadKey, as far as
   * `operations`, `classes` and `phases` have them. With `valueNames` or `valueTypes` it is also about these, and DeleteKey, of the keys
   * themselves. Default: false.
   */
  readonly ancestors?: boolean | undefined;
  readonly action: RuleAction;
  /** `ask`: the operation is held for at most so many milliseconds, 10 to 10000. Default 500. */
  readonly deadline?: number | undefined;
  /** `ask`: what becomes of the operation when nobody decides in time, or nobody can be asked. Default: allow. */
  readonly onTimeout?: 'allow' | 'block' | undefined;
  /** `block`, and `ask` with `onTimeout: block`: the error that the operation ends with. Default: STATUS_ACCESS_DENIED. */
  readonly status?: NtStatusName | number | undefined;
  /** `block`, `bypass`: also operations of the kernel and its drivers. Default: false. */
  readonly kernelMode?: boolean | undefined;
  /** `ask`, `block`, `bypass`: all is decided and told, and nothing of it is done. Default: false. */
  readonly dryRun?: boolean | undefined;
}

export interface CompileRulesOptions extends RuleContext {
  /** What becomes of a notification that no rule matches. Default: ignore. */
  readonly otherwise?: 'ignore' | 'notify' | undefined;
  /** Bytes that a program may have (`driver.limits.maxRulesBytes`). Default 4194304. */
  readonly maxBytes?: number | undefined;
}

/** Rules as the driver takes them. */
export interface CompiledRules {
  /** A CMB_RULES program. The same rules and options give the same bytes. */
  readonly bytes: Uint8Array;
  readonly ruleCount: number;
  /** For each rule of the program, by its number, the rule that it was made of: one with `ancestors` makes two or three. */
  readonly sources: readonly RuleReference[];
  /** The first rule that asks, so that a registration needs a callback; null when none does. */
  readonly asks: RuleReference | null;
  /** Bit n: notifications of class n may end in something else than `ignore`. */
  readonly classMask: bigint;
  /** Rules that never match or never decide, and patterns that hardly mean what they say. */
  readonly warnings: readonly RuleProblem[];
}
