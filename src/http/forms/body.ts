import { bodyParser } from '@koa/bodyparser';
import type { Context, Middleware } from 'koa';
import createError from 'http-errors';
import { z } from 'zod';

/** Larger than each of our forms, and small enough to protect the memory. */
const MAX_FORM_SIZE = '32kb';

const clientError = z.object({ status: z.number().int().min(400).max(499) });

/** Parses forms. Every parser error, such as a large body or invalid compression, is an error of the client. */
export function parseForms(formLimit = MAX_FORM_SIZE): Middleware {
  return bodyParser({
    enableTypes: ['form'],
    formLimit,
    onError: (error) => {
      const parsed = clientError.safeParse(error);
      throw createError(parsed.success ? parsed.data.status : 400, 'the form cannot be parsed', { cause: error });
    },
  });
}

/** A field that is sent once or not at all. */
export const field = z.string().default('');
/** True if the box is checked. */
export const checkbox = z
  .string()
  .optional()
  .transform((value) => value !== undefined);

const versionUpTo = (max: number) =>
  z
    .string()
    .regex(/^\d{1,16}$/)
    .transform(Number)
    .refine((version) => version <= max);
/** The version of a row that a form was shown for: an integer of 32 bits. */
export const rowVersion = versionUpTo(2_147_483_647);
/** The time of the last change that a form was shown for, in ms since 1970. */
export const instantVersion = versionUpTo(Number.MAX_SAFE_INTEGER);

/** Returns true if one of the values has a NUL, which PostgreSQL does not store. No keyboard types one. */
function hasNul(values: Iterable<unknown>): boolean {
  for (const value of values) {
    if (Array.isArray(value) ? hasNul(value) : typeof value === 'string' && value.includes('\0')) return true;
  }
  return false;
}

/**
 * Returns the fields of a form.
 *
 * @throws {HttpError} 400 if a field is repeated, has another type or a NUL, which our own pages never send
 */
export function readForm<T extends z.ZodType>(ctx: Context, schema: T): z.infer<T> {
  const body: unknown = ctx.request.body ?? {};
  if (hasNul(Object.values(body ?? {}))) throw createError(400, 'a field of the form has a NUL');
  const parsed = schema.safeParse(body);
  if (!parsed.success) throw createError(400, 'the form has repeated or unexpected fields');
  return parsed.data;
}
