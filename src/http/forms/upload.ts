import { buffer } from 'node:stream/consumers';
import { finished } from 'node:stream/promises';
import { Busboy } from '@fastify/busboy';
import createError from 'http-errors';
import type { Context } from 'koa';
import type { UploadMemory, UploadReservation } from './upload-memory.ts';

export interface UploadedFile {
  name: string;
  content: Buffer;
}

interface UploadLimits {
  /** Largest file, in bytes. A larger one ends after one byte more. */
  fileBytes: number;
  files: number;
}

const MAX_FIELDS = 10;
const MAX_FIELD_BYTES = 1_000;
const MAX_NAME_LENGTH = 100;
/** Longest body that is read to its end and discarded, so that the browser shows the answer. */
const MAX_DISCARDED_BYTES = 256 * 1024 * 1024;

/** `too_large`: the body is longer than all files together may be. `busy`: too many uploads are in progress. The body was discarded. */
export type Upload = { kind: 'read'; files: UploadedFile[] } | { kind: 'too_large' | 'busy' };

interface UploadDeps {
  memory: UploadMemory;
  personId: string;
  limits: UploadLimits;
}

/**
 * Parses a form with files (RFC 7578) into memory, which is reserved until `use` has ended. The fields become the body of the request,
 * for `readForm`.
 *
 * @throws {HttpError} 400 if the body is no such form
 */
export async function withUpload(
  ctx: Context,
  { memory, personId, limits }: UploadDeps,
  use: (upload: Upload) => Promise<void>,
): Promise<void> {
  if (ctx.request.is('multipart/form-data') === false) throw createError(400, 'the form has no files');
  // One file more than allowed, and the boundaries.
  const maxBytes = (limits.files + 1) * (limits.fileBytes + 1) + 64 * 1024;
  if (ctx.request.length > maxBytes) {
    await discardBody(ctx);
    await use({ kind: 'too_large' });
    return;
  }
  const ended = new AbortController();
  const reservation = memory.begin(personId, () => {
    ended.abort();
  });
  try {
    const files = reservation && (await parse(ctx, limits, reservation, ended.signal));
    if (files !== undefined) {
      await use({ kind: 'read', files });
      return;
    }
  } finally {
    reservation?.release();
  }
  await discardBody(ctx);
  await use({ kind: 'busy' });
}

async function discardBody(ctx: Context): Promise<void> {
  if (ctx.request.length > MAX_DISCARDED_BYTES) throw createError(413, 'the upload is too large');
  ctx.req.resume();
  await finished(ctx.req, { writable: false });
}

/** @returns undefined if the upload was ended, because the memory is full */
async function parse(
  ctx: Context,
  limits: UploadLimits,
  reservation: UploadReservation,
  ended: AbortSignal,
): Promise<UploadedFile[] | undefined> {
  const fields: Record<string, string | string[]> = {};
  const reads: Promise<UploadedFile>[] = [];
  try {
    const parser = new Busboy({
      headers: { ...ctx.req.headers, 'content-type': ctx.get('content-type') },
      limits: {
        ...{ fields: MAX_FIELDS, fieldSize: MAX_FIELD_BYTES },
        ...{ files: limits.files + 1, fileSize: limits.fileBytes + 1 },
      },
    });
    parser.on('field', (name, value) => {
      const known = Object.hasOwn(fields, name) ? fields[name] : undefined;
      // A repeated field becomes a list, which `readForm` rejects.
      fields[name] = known === undefined ? value : [known, value].flat();
    });
    parser.on('file', (_field, stream, name) => {
      // A cut file ends after the form itself, so its content is awaited.
      const read = buffer(stream).then((content) => ({ name: cleanName(name), content }));
      read.catch((error: unknown) => parser.destroy(error instanceof Error ? error : undefined));
      reads.push(read);
    });
    const done = finished(parser, { readable: false });
    // A pipe does not end when the connection closes.
    finished(ctx.req, { writable: false }).catch((error: unknown) => {
      parser.destroy(error instanceof Error ? error : undefined);
    });
    ended.addEventListener('abort', () => parser.destroy(new Error('the memory of uploads is full')));
    ctx.req.on('data', ({ length }: Buffer) => {
      reservation.add(length);
    });
    ctx.req.pipe(parser);
    await done;
    reservation.complete();
    ctx.request.body = fields;
    // A browser sends an empty part without a name if no file was chosen.
    return (await Promise.all(reads)).filter(({ name, content }) => name !== '' || content.length > 0);
  } catch (error) {
    if (ended.aborted) return undefined;
    throw createError(400, 'the form cannot be parsed', { cause: error });
  }
}

/** Returns the last part of a path without characters that cannot be seen. */
function cleanName(name: string): string {
  const last = name.normalize('NFC').split(/[/\\]/).at(-1) ?? '';
  return Array.from(last.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, ''))
    .slice(0, MAX_NAME_LENGTH)
    .join('');
}
