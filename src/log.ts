/**
 * The log as the rest of the program sees it: a level, a message, fields. How a line looks and where it goes is
 * `server/log_writer.ts`'s business; pure rooms never log, they return what is worth saying.
 */

/** In the order of spec 9.4: 0 error, 1 warning, 2 info, 3 debug, 4 trace. */
export const LOG_LEVELS = ["error", "warn", "info", "debug", "trace"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Values that a log line can carry as `key=value`; undefined ones are left out. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** Where a room says what an operator can act on: one event, one line. */
export interface Log {
  /** True where a line of this level would be written; ask before building an expensive one. */
  enabled(level: LogLevel): boolean;
  error(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  debug(message: string, fields?: LogFields): void;
  trace(message: string, fields?: LogFields): void;
}

/** Says nothing; for tests and for rooms whose caller does not care. */
export const silentLog: Log = {
  enabled: () => false,
  error: () => {},
  warn: () => {},
  info: () => {},
  debug: () => {},
  trace: () => {},
};
