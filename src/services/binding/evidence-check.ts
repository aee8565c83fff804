import { inflateSync } from 'node:zlib';

/** Largest file, in bytes. */
export const MAX_EVIDENCE_BYTES = 5 * 1024 * 1024;
/** Most pixels of an image: larger than the cameras of phones, and 200 MB in the memory of a browser. */
const MAX_PIXELS = 50_331_648;
/** Most bytes of an inflated object stream of a PDF. */
const MAX_INFLATED_BYTES = 16 * 1024 * 1024;

export const EVIDENCE_PROBLEMS = ['empty', 'too_large', 'type', 'dimensions', 'active', 'encrypted'] as const;
export type EvidenceProblem = (typeof EVIDENCE_PROBLEMS)[number];

interface CheckedFile {
  contentType?: string;
  problem?: EvidenceProblem;
}

/** Finds the type of a file by its content, and why it is not accepted. Neither the name nor the type of the upload counts. */
export function checkEvidence(content: Buffer): CheckedFile {
  if (content.length === 0) return { problem: 'empty' };
  if (content.length > MAX_EVIDENCE_BYTES) return { problem: 'too_large' };
  if (content.subarray(0, 8).equals(PNG_SIGNATURE)) return checkImage('image/png', pngSize(content));
  if (content.subarray(0, 3).equals(JPEG_START)) return checkImage('image/jpeg', jpegSize(content));
  if (content.subarray(0, 5).toString('latin1') === '%PDF-') return checkPdf(content);
  return { problem: 'type' };
}

interface ImageSize {
  width: number;
  height: number;
}

function checkImage(contentType: string, size: ImageSize | undefined): CheckedFile {
  if (size === undefined || size.width === 0 || size.height === 0) return { problem: 'type' };
  return size.width * size.height > MAX_PIXELS ? { problem: 'dimensions' } : { contentType };
}

const PNG_SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

/** Reads the size from the first chunk, IHDR (PNG Specification, section 11.2.1). */
function pngSize(content: Buffer): ImageSize | undefined {
  if (content.length < 33 || content.toString('latin1', 12, 16) !== 'IHDR') return undefined;
  return { width: content.readUInt32BE(16), height: content.readUInt32BE(20) };
}

const JPEG_START = Buffer.from([0xff, 0xd8, 0xff]);
/** Markers of DHT, JPG and DAC, which have the numbers of frame headers. */
const NO_FRAME_MARKERS = new Set([0xc4, 0xc8, 0xcc]);

/** Reads the size from the first frame header (ITU-T T.81, B.2.2). */
function jpegSize(content: Buffer): ImageSize | undefined {
  let at = 2;
  while (at + 9 < content.length) {
    if (content[at] !== 0xff) return undefined;
    const marker = content.readUInt8(at + 1);
    if (marker === 0xff) {
      at += 1;
      continue;
    }
    if (marker >= 0xc0 && marker <= 0xcf && !NO_FRAME_MARKERS.has(marker))
      return { height: content.readUInt16BE(at + 5), width: content.readUInt16BE(at + 7) };
    // Standalone markers have no length (B.1.1.3).
    at += marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8) ? 2 : 2 + content.readUInt16BE(at + 2);
  }
  return undefined;
}

/** Actions and contents of a PDF that run or open something (ISO 32000-2, 12.6.4, 7.11.4, 12.7.9). */
const ACTIVE_NAMES = /\/(?:JavaScript|Launch|EmbeddedFiles?|RichMedia|XFA)(?![A-Za-z])/;

function checkPdf(content: Buffer): CheckedFile {
  const text = decodeNames(content.toString('latin1'));
  // The names inside an encrypted file cannot be checked.
  if (/\/Encrypt(?![A-Za-z])/.test(text)) return { problem: 'encrypted' };
  if (ACTIVE_NAMES.test(text)) return { problem: 'active' };
  for (const objects of inflateObjectStreams(content)) {
    if (objects === undefined || ACTIVE_NAMES.test(decodeNames(objects))) return { problem: 'active' };
  }
  return { contentType: 'application/pdf' };
}

/** A name can have its characters in hexadecimal: `/J#61vaScript` (ISO 32000-2, 7.3.5). */
function decodeNames(text: string): string {
  return text.replace(/#([0-9a-f]{2})/gi, (_all, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));
}

/** Yields the inflated object streams of a PDF; undefined for one that cannot be inflated within the limit. */
function* inflateObjectStreams(content: Buffer): Generator<string | undefined> {
  const text = content.toString('latin1');
  let left = MAX_INFLATED_BYTES;
  for (const { index, 0: start } of text.matchAll(/(?<!end)stream\r?\n/g)) {
    const dictionary = decodeNames(text.slice(text.lastIndexOf('obj', index), index));
    if (!/\/ObjStm(?![A-Za-z])/.test(dictionary)) continue;
    const objects = inflate(content.subarray(index + start.length), left);
    yield objects;
    if (objects === undefined) return;
    left -= objects.length;
  }
}

function inflate(bytes: Buffer, maxOutputLength: number): string | undefined {
  try {
    return inflateSync(bytes, { maxOutputLength: Math.max(1, maxOutputLength) }).toString('latin1');
  } catch {
    return undefined;
  }
}
