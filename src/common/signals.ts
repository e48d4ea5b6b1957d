/** Signal handling for programs that asked for it: SIGINT and SIGTERM stop a role in order. Nothing is installed otherwise. */
const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** Calls `stop` at the first signal. Returns a function that takes the handlers away. */
export function onSignals(stop: () => void): () => void {
  const uninstall = (): void => {
    for (const signal of SIGNALS) process.off(signal, handler);
  };
  const handler = (): void => stop();
  for (const signal of SIGNALS) process.on(signal, handler);
  return uninstall;
}
