// What Ctrl-C does to a command that watches.

export interface Interruption extends Disposable {
  readonly signal: AbortSignal;
}

/** Aborts `signal` at the first of these signals, and calls `again` at each that follows. */
export function interruptible(signals: readonly NodeJS.Signals[], again: () => void): Interruption {
  const interrupted = new AbortController();
  const onSignal = () => {
    if (interrupted.signal.aborted) again();
    else interrupted.abort();
  };
  for (const name of signals) process.on(name, onSignal);
  return {
    signal: interrupted.signal,
    [Symbol.dispose]: () => {
      for (const name of signals) process.off(name, onSignal);
    },
  };
}
