/**
 * What a ZeroMQ publisher sends (spec 3.3): `J` and JSON, `T` and a tnetstring, or, as the oldest clients do, a bare
 * tnetstring. Pure; the sockets are elsewhere.
 */
import { describeError, PushpinError } from "../../errors.ts";
import { parsePublishItem, type PublishItem } from "../../grip/publish_item.ts";
import { decodeTnetstring } from "../wire/tnetstring.ts";

const JSON_MARK = 0x4a; // J
const TNETSTRING_MARK = 0x54; // T

const strictUtf8 = new TextDecoder("utf-8", { fatal: true });

/**
 * Reads one item. `channel` is the topic it came under, where it came under one.
 *
 * @throws {PushpinError} `PUSHPIN_ITEM_INVALID` or `PUSHPIN_WIRE_INVALID`, naming what is wrong.
 */
export function readZmqItem(payload: Uint8Array, channel?: string): PublishItem {
  const named = channel === undefined ? {} : { channel };
  const mark = payload[0];
  if (mark === JSON_MARK) return parsePublishItem(readJson(payload.subarray(1)), named);
  if (mark === TNETSTRING_MARK) {
    return parsePublishItem(decodeTnetstring(payload.subarray(1)), { ...named, binary: true });
  }
  if (mark !== undefined && mark >= 0x30 && mark <= 0x39) {
    return parsePublishItem(decodeTnetstring(payload), { ...named, binary: true });
  }
  throw new PushpinError(
    "PUSHPIN_ITEM_INVALID",
    `Cannot read publish item: it begins with ${
      shown(mark)
    }: send "J" and JSON, "T" and a tnetstring, or a bare tnetstring`,
  );
}

/** A SUB topic as a channel. @throws {PushpinError} `PUSHPIN_ITEM_INVALID` for one that is not UTF-8. */
export function readZmqTopic(topic: Uint8Array): string {
  try {
    return strictUtf8.decode(topic);
  } catch (cause) {
    throw new PushpinError("PUSHPIN_ITEM_INVALID", "Cannot read publish item: its topic is not UTF-8", {
      cause,
    });
  }
}

function readJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(strictUtf8.decode(bytes));
  } catch (cause) {
    throw new PushpinError("PUSHPIN_ITEM_INVALID", `Cannot read publish item: ${describeError(cause)}`, {
      cause,
    });
  }
}

function shown(byte: number | undefined): string {
  if (byte === undefined) return "nothing";
  return byte > 0x20 && byte < 0x7f
    ? `"${String.fromCharCode(byte)}"`
    : `byte 0x${byte.toString(16).padStart(2, "0")}`;
}
