// The public surface of the package: what is not exported here may change at any time.

export { compareAltitudes } from './registry/altitude.js';
export { allow, block, bypass, DecisionError, emulate, override, redirect, replace } from './decision/decision.js';
export type * from './decision/decision.js';
export type { LazyEvent } from './decode/lazy-event.js';
export type { Driver, StatisticsOptions, Version } from './driver/driver.js';
export { CmBridgeError, NtStatusError, RegFileError } from './base/errors.js';
export type { CmBridgeErrorCode } from './base/errors.js';
export type * from './event/event.js';
export { parseEvent } from './event/json/parse.js';
export { eventToJson, stringifyEvent } from './event/json/write.js';
export type { JsonValue } from './event/json/write.js';
export type { EventIterator } from './session/event-stream.js';
export type { Flags } from './registry/flags.js';
export type { Guard } from './guard/guard.js';
export { guardedByDefault } from './guard/guard-options.js';
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
} from './guard/guard-options.js';
export { CmGetCallbackVersion, CmRegisterCallbackEx, CmUnRegisterCallback } from './driver/kernel-routines.js';
export type { Cookie, ExCallbackFunction } from './driver/kernel-routines.js';
export { canonicalKey, controlSetNumber, displayAliases, keyAliases } from './registry/key-alias.js';
export type { KeyAliasOptions } from './registry/key-alias.js';
export { equalKeys, upcase } from './registry/key-case.js';
export type { DecodedKeyInformation } from './registry/key-information-class.js';
export type { KeyInformation, NamedValue } from './registry/key-information.js';
export type { CreateKeyOptions, OpenKeyOptions } from './simulator/key-options.js';
export type { BackendName } from './native/native.js';
export { notifyClasses } from './registry/notify-class.js';
export type { NotifyClass, NotifyClassName, Operation, Phase } from './registry/notify-class.js';
export { NtStatus, ntStatusName, ntStatusText, ntSuccess } from './base/nt-status.js';
export type { NtStatusName } from './base/nt-status.js';
export { openDriver } from './driver/open-driver.js';
export type { OpenDriverOptions } from './driver/open-driver.js';
export { applyRegFile } from './simulator/apply-reg-file.js';
export type { RegOperation } from './reg-file/operation.js';
export { parseRegFile } from './reg-file/parse.js';
export type { CreateProcessOptions } from './simulator/process-options.js';
export type { RawQueries, RawQueryOptions, RawQueryResult } from './simulator/raw-queries.js';
export type { LazyRegisterOptions, RegisterOptions } from './session/register-options.js';
export type {
  EventCallback,
  LazyEventCallback,
  LazyRegistration,
  Registration,
  SetRulesOptions,
  SetRulesResult,
} from './session/registration.js';
export type { ErrorCallback, EventsOptions } from './session/outlet.js';
export type { RuleContext } from './rules/pattern/context.js';
export type { SignalOption } from './base/options.js';
export { displayKey, keyHive, nativeKey } from './registry/registry-path.js';
export type { KeyHive } from './registry/registry-path.js';
export type { RegistryThread as SimulatedThread } from './simulator/registry-thread.js';
export type {
  KnownRegistryType,
  RegistryType,
  RegistryValue,
  UnknownRegistryType,
  ValueFlaw,
} from './registry/registry-value.js';
export type { BreakerOptions, DriverLimits, RateLimit } from './session/requests.js';
export { ReplyRefusedError } from './session/reply-error.js';
export type { ReplyRefusal } from './session/reply-error.js';
export { RulesError } from './rules/problem.js';
export type { RulePath, RuleProblem } from './rules/problem.js';
export { compileRules } from './rules/program/compile.js';
export { explainRules } from './rules/explain/explain.js';
export type { ExplainRulesOptions, RuleExplanation, RulesExplanation } from './rules/explain/explain.js';
export type { ConditionExplanation } from './rules/explain/conditions.js';
export type { OperationProcess, RuleOperation } from './rules/explain/facts.js';
export { loadRules, parseRules } from './rules/file/file.js';
export type { LoadRulesOptions, ParseRulesOptions, RuleFile } from './rules/file/file.js';
export type { TextPosition } from './rules/file/position.js';
export type { RulesInput } from './rules/program/driver-rules.js';
export { RulesRefusedError } from './session/rules-requests.js';
export type {
  CompiledRules,
  CompileRulesOptions,
  OneOrMany,
  ProcessCondition,
  Rule,
  RuleAction,
} from './rules/rule.js';
export { parseSddl } from './security/sddl.js';
export type { SddlOptions } from './security/sddl.js';
export type { SecurityDescriptor } from './security/security-descriptor.js';
export type { DecodedSetInformation } from './registry/set-information-class.js';
export { parseSid, sidText } from './security/sid.js';
export type { SimulatedKey } from './simulator/simulated-key.js';
export type { LoadOptions, SimulatedProcess } from './simulator/simulated-process.js';
export type { SimulatedTransaction } from './simulator/simulated-transaction.js';
export type { Simulator } from './simulator/simulator.js';
export type { Statistics } from './session/statistics.js';
export type { LatencyStatistics } from './session/decision-latency.js';
export type { DecisionStatistics } from './session/decision-statistics.js';
export type {
  CallerOptions,
  ImpersonateOptions,
  LoadAppKeyOptions,
  LoadKeyOptions,
} from './simulator/thread-options.js';
export type { ImpersonationLevel } from './security/token-names.js';
export type { IntegrityLevelName, TokenOptions } from './simulator/token.js';
export type { DecodedValueInformation } from './registry/value-information-class.js';
export type { ValueData, ValueInput } from './registry/value-input.js';
export { wow64Location, wow64Name } from './registry/wow64-key.js';
