/** Bytes and text, the few ways the harness needs. */
const decoder = new TextDecoder();
const encoder = new TextEncoder();

export const decodeText = (bytes: Uint8Array): string => decoder.decode(bytes);
export const encodeText = (text: string): Uint8Array<ArrayBuffer> => encoder.encode(text);
