import { bodyParser } from '@koa/bodyparser';
import type { Context, Middleware } from 'koa';
import createError from 'http-errors';
import { z } from 'zod';

/** Larger than each of our forms, and small enough to protect the memory. */
const MAX_FORM_SIZE = '32kb';

const clientError = z.object({ status: z.number().int().min(400).max(499) });

/** Parses forms. Every parser error, such as a large body or invalid compression, is an error of the client. */
export function parseForms(): Middleware {
  return bodyParser({
    enableTypes: ['form'],
    formLimit: MAX_FORM_SIZE,
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

/**
 * Returns the fields of a form.
 *
 * @throws {HttpError} 400 if a field is repeated or has another type, which our own pages never send
 */
export function readForm<T extends z.ZodType>(ctx: Context, schema: T): z.infer<T> {
  const parsed = schema.safeParse(ctx.request.body ?? {});
  if (!parsed.success) throw createError(400, 'the form has repeated or unexpected fields');
  return parsed.data;
}
