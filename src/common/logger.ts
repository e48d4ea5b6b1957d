/** Where gristmill says what a user should know. console, pino and winston fit; `false` silences. What it throws is the user's own exception. */
import { shown } from './check.ts';

export interface Logger {
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}

const toStderr: Logger = {
  info: (message) => void process.stderr.write(`${message}\n`),
  warn: (message) => void process.stderr.write(`${message}\n`),
  error: (message) => void process.stderr.write(`${message}\n`),
};

const silent: Logger = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** The logger for an option: lines on stderr by default. */
export function loggerFor(option: Logger | false | undefined): Logger {
  if (option === undefined) return toStderr;
  if (option === false) return silent;
  const usable =
    option !== null &&
    typeof option === 'object' &&
    (['info', 'warn', 'error'] as const).every((level) => typeof option[level] === 'function');
  if (!usable) throw new TypeError(`logger: expected false or an object with info, warn and error, got ${shown(option)}`);
  return { info: guarded(option, 'info'), warn: guarded(option, 'warn'), error: guarded(option, 'error') };
}

/** Whatever a user's logger returns is nobody's matter, and what it throws disturbs nobody else: it is uncaught, as of a listener. */
function guarded(logger: Logger, level: keyof Logger): (message: string) => void {
  return (message) => {
    try {
      logger[level](message);
    } catch (error) {
      queueMicrotask(() => {
        throw error;
      });
    }
  };
}
