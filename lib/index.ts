export { compareAltitudes } from './altitude.js';
export { allow, block, bypass, DecisionError, emulate, override, redirect, replace } from './decision.js';
export type * from './decision.js';
export type { LazyEvent } from './decode/lazy-event.js';
export type { Driver, StatisticsOptions, Version } from './driver.js';
export { CmBridgeError, NtStatusError, RegFileError } from './errors.js';
export type { CmBridgeErrorCode } from './errors.js';
export type * from './event.js';
export { parseEvent } from './event-json/parse.js';
export { eventToJson, stringifyEvent } from './event-json/write.js';
export type { JsonValue } from './event-json/write.js';
export type { EventIterator } from './event-stream.js';
export type { Flags } from './flags.js';
export type { Guard } from './guard.js';
export { guardedByDefault } from './guard-options.js';
export type {
  DecidedEvent,
  GuardConditions,
  GuardedByDefault,
  GuardedOperation,
  GuardEvent,
  GuardException,
  GuardHandler,
  GuardHandlers,
  GuardOptions,
} from './guard-options.js';
export { CmGetCallbackVersion, CmRegisterCallbackEx, CmUnRegisterCallback } from './kernel-routines.js';
export type { Cookie, ExCallbackFunction } from './kernel-routines.js';
export { canonicalKey, controlSetNumber, displayAliases, keyAliases } from './key-alias.js';
export type { KeyAliasOptions } from './key-alias.js';
export { equalKeys, upcase } from './key-case.js';
export type { DecodedKeyInformation } from './key-information-class.js';
export type { KeyInformation, NamedValue } from './key-information.js';
export type { CreateKeyOptions, OpenKeyOptions } from './key-options.js';
export type { BackendName } from './native.js';
export { notifyClasses } from './notify-class.js';
export type { NotifyClass, NotifyClassName, Operation, Phase } from './notify-class.js';
export { NtStatus, ntStatusName, ntStatusText, ntSuccess } from './nt-status.js';
export type { NtStatusName } from './nt-status.js';
export { openDriver } from './open-driver.js';
export type { OpenDriverOptions } from './open-driver.js';
export { applyRegFile } from './reg-file/apply.js';
export type { RegOperation } from './reg-file/operation.js';
export { parseRegFile } from './reg-file/parse.js';
export type { CreateProcessOptions } from './process-options.js';
export type { RawQueries, RawQueryOptions, RawQueryResult } from './raw-queries.js';
export type { LazyRegisterOptions, RegisterOptions } from './register-options.js';
export type { LazyRegistration, Registration, SetRulesOptions, SetRulesResult } from './registration.js';
export type { ErrorCallback, EventCallback, EventsOptions, LazyEventCallback } from './outlet.js';
export type { SignalOption } from './options.js';
export { displayKey, keyHive, nativeKey } from './registry-path.js';
export type { KeyHive } from './registry-path.js';
export type { RegistryThread as SimulatedThread } from './registry-thread.js';
export type {
  KnownRegistryType,
  RegistryType,
  RegistryValue,
  UnknownRegistryType,
  ValueFlaw,
} from './registry-value.js';
export type { BreakerOptions, DriverLimits, RateLimit } from './requests.js';
export { ReplyRefusedError } from './reply-error.js';
export type { ReplyRefusal } from './reply-error.js';
export { RulesError } from './rules/problem.js';
export type { RulePath, RuleProblem } from './rules/problem.js';
export { compileRules } from './rules/compile.js';
export { explainRules } from './rules/explain.js';
export type { ExplainRulesOptions, RuleExplanation, RulesExplanation } from './rules/explain.js';
export type { ConditionExplanation } from './rules/conditions.js';
export type { OperationProcess, RuleOperation } from './rules/facts.js';
export { loadRules, parseRules } from './rules/file.js';
export type { LoadRulesOptions, ParseRulesOptions, RuleFile } from './rules/file.js';
export type { TextPosition } from './rules/position.js';
export type { RulesInput } from './rules/driver-rules.js';
export { RulesRefusedError } from './rules/requests.js';
export type {
  CompiledRules,
  CompileRulesOptions,
  OneOrMany,
  ProcessCondition,
  Rule,
  RuleAction,
  RuleContext,
  RuleReference,
} from './rules/rule.js';
export { parseSddl } from './sddl.js';
export type { SddlOptions } from './sddl.js';
export type { SecurityDescriptor } from './security-descriptor.js';
export type { DecodedSetInformation } from './set-information-class.js';
export { parseSid, sidText } from './sid.js';
export type { SimulatedKey } from './simulated-key.js';
export type { LoadOptions, SimulatedProcess } from './simulated-process.js';
export type { SimulatedTransaction } from './simulated-transaction.js';
export type { Simulator } from './simulator.js';
export type { Statistics } from './statistics.js';
export type { DecisionStatistics, LatencyStatistics } from './decision-statistics.js';
export type {
  CallerOptions,
  ImpersonateOptions,
  ImpersonationLevel,
  LoadAppKeyOptions,
  LoadKeyOptions,
} from './thread-options.js';
export type { IntegrityLevelName, TokenOptions } from './token.js';
export type { DecodedValueInformation } from './value-information-class.js';
export type { ValueData, ValueInput } from './value-input.js';
export { wow64Location, wow64Name } from './wow64-key.js';
