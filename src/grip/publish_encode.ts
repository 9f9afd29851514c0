/** A publish item back into the form that is sent: JSON for HTTP, plain values with bytes for tnetstring (spec 3.1, 3.2). */
import { encodeBase64 } from "@std/encoding/base64";
import type { Formats, HttpResponseFormat, PublishItem, WsMessageFormat } from "./publish_item.ts";
import { reasonFor } from "./status.ts";
import { latin1Bytes, strictText, textFromHeader } from "./text.ts";

type Plain = Record<string, unknown>;

/**
 * The item as a value for `JSON.stringify`, or with `binary` for a tnetstring encoder: then contents are the item's own
 * Uint8Arrays, not copies. `parsePublishItem` with the same options makes the same item of it; in JSON a header value that
 * is not UTF-8 is the exception, as JSON cannot carry it.
 */
export function encodePublishItem(item: PublishItem, options: { readonly binary?: boolean } = {}): Plain {
  const binary = options.binary === true;
  return {
    channel: item.channel,
    ...(item.id !== undefined && { id: item.id }),
    ...(item.prevId !== undefined && { "prev-id": item.prevId }),
    formats: encodeFormats(item.formats, binary),
    ...(item.meta.size > 0 && { meta: Object.fromEntries(item.meta) }),
    ...(item.size !== undefined && { size: item.size }),
    ...(item.noSeq && { "no-seq": true }),
  };
}

function encodeFormats(formats: Formats, binary: boolean): Plain {
  const { "http-response": response, "http-stream": stream, "ws-message": message } = formats;
  return {
    ...(response && { "http-response": encodeHttpResponse(response, binary) }),
    ...(stream && {
      "http-stream": stream.action !== "send" ? { action: stream.action } : {
        ...content("content", stream.content, binary),
        ...contentFilters(stream.contentFilters),
      },
    }),
    ...(message && { "ws-message": encodeWsMessage(message, binary) }),
  };
}

function encodeHttpResponse(format: HttpResponseFormat, binary: boolean): Plain {
  if (format.action !== "send") return { action: format.action };
  return {
    ...(format.code !== 200 && { code: format.code }),
    ...(format.reason !== reasonFor(format.code) && { reason: format.reason }),
    ...(format.headers.length > 0 && {
      headers: format.headers.map(([name, value]) => [
        textFromHeader(name),
        binary ? latin1Bytes(value) : textFromHeader(value),
      ]),
    }),
    ...(format.body instanceof Uint8Array
      ? content("body", format.body, binary)
      : { "body-patch": format.body.patch }),
    ...contentFilters(format.contentFilters),
  };
}

function encodeWsMessage(format: WsMessageFormat, binary: boolean): Plain {
  if (format.action === "close") {
    return {
      action: "close",
      ...(format.code !== undefined && { code: format.code }),
      ...(format.reason !== undefined && { reason: format.reason }),
    };
  }
  if (format.action !== "send") return { action: format.action };
  return {
    type: format.type, // always, as content-bin alone would mean "binary"
    ...content("content", format.content, binary),
    ...contentFilters(format.contentFilters),
  };
}

function content(name: "body" | "content", bytes: Uint8Array, binary: boolean): Plain {
  if (binary) return { [name]: bytes };
  const text = strictText(bytes);
  return text === undefined ? { [`${name}-bin`]: encodeBase64(bytes) } : { [name]: text };
}

function contentFilters(names: readonly string[] | undefined): Plain {
  return names === undefined ? {} : { "content-filters": names };
}
