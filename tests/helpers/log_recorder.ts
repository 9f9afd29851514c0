/** A log that tests can ask: which lines, at which level. */
import { type Log, LOG_LEVELS, type LogFields, type LogLevel } from "../../src/log.ts";

export interface LogLine {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
}

export interface LogRecorder extends Log {
  readonly lines: readonly LogLine[];
  /** The first line of this level whose message matches. */
  find(level: LogLevel, message: RegExp): LogLine | undefined;
}

/** Records every level, trace included. */
export function recordLog(): LogRecorder {
  const lines: LogLine[] = [];
  const record = (level: LogLevel) => (message: string, fields: LogFields = {}) => {
    lines.push({ level, message, fields });
  };
  const [error, warn, info, debug, trace] = LOG_LEVELS.map(record) as [
    Log["error"],
    Log["warn"],
    Log["info"],
    Log["debug"],
    Log["trace"],
  ];
  return {
    lines,
    enabled: () => true,
    find: (level, message) => lines.find((line) => line.level === level && message.test(line.message)),
    error,
    warn,
    info,
    debug,
    trace,
  };
}
