/** What a log line looks like (spec 9.4), as text and as JSON. */
import type { LogFields, LogLevel } from "../log.ts";

/** One line's worth. `role`, as "proxy 1", is shown where it is given. */
export interface LogEvent {
  readonly level: LogLevel;
  readonly time: Date;
  readonly message: string;
  readonly service: string;
  readonly role?: string;
  readonly fields?: LogFields;
}

const WORDS: Readonly<Record<LogLevel, string>> = {
  error: "ERR",
  warn: "WARN",
  info: "INFO",
  debug: "DEBUG",
  trace: "TRACE",
};

/** `[LEVEL] YYYY-MM-DD HH:MM:SS.mmm [role] message key=value …`, local time, no line end. */
export function formatText(event: LogEvent): string {
  const role = event.role === undefined ? "" : `[${event.role}] `;
  let line = `[${WORDS[event.level]}] ${localTime(event.time)} ${role}${clean(event.message)}`;
  for (const [name, value] of Object.entries(event.fields ?? {})) {
    if (value !== undefined) line += ` ${name}=${fieldValue(value)}`;
  }
  return line;
}

/** One JSON object; a field cannot take the place of time, level, service, role or message. */
export function formatJson(event: LogEvent): string {
  return JSON.stringify({
    ...event.fields,
    time: event.time.toISOString(),
    level: event.level,
    service: event.service,
    role: event.role,
    message: event.message,
  });
}

function fieldValue(value: string | number | boolean): string {
  if (typeof value !== "string") return String(value);
  return value === "" || /[\s"=\p{Cc}]/u.test(value) ? clean(JSON.stringify(value)) : value;
}

/** A client's bytes must not be able to begin a line of their own, or move a terminal's cursor. */
export function clean(text: string): string {
  // deno-lint-ignore no-control-regex
  return /[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]/.test(text)
    // deno-lint-ignore no-control-regex
    ? text.replace(/[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]/g, (c) => {
      const code = c.charCodeAt(0);
      return code > 255 ? `\\u${code.toString(16)}` : `\\x${code.toString(16).padStart(2, "0")}`;
    })
    : text;
}

const two = (n: number): string => n < 10 ? `0${n}` : String(n);

function localTime(t: Date): string {
  const date = `${t.getFullYear()}-${two(t.getMonth() + 1)}-${two(t.getDate())}`;
  const ms = String(t.getMilliseconds()).padStart(3, "0");
  return `${date} ${two(t.getHours())}:${two(t.getMinutes())}:${two(t.getSeconds())}.${ms}`;
}
