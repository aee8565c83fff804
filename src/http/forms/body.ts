import { bodyParser } from '@koa/bodyparser';
import type { Context, Middleware } from 'koa';
import createError from 'http-errors';
import { z } from 'zod';

/** More than any form of ours, and little enough that nobody can fill the memory with it. */
const MAX_FORM_SIZE = '32kb';

const tooLarge = z.object({ status: z.number().int().min(400).max(499) });

/** What can not be read, is the sender's mistake, whatever the parser stumbled over: too long, broken compression. */
export function parseForms(): Middleware {
  return bodyParser({
    enableTypes: ['form'],
    formLimit: MAX_FORM_SIZE,
    onError: (error) => {
      const known = tooLarge.safeParse(error);
      throw createError(known.success ? known.data.status : 400, 'unreadable form', { cause: error });
    },
  });
}

/** A field as a browser sends it: once, or not at all. */
export const field = z.string().default('');
/** A box that was ticked, or not. */
export const checkbox = z
  .string()
  .optional()
  .transform((value) => value !== undefined);

/**
 * The fields of a form.
 *
 * @throws {HttpError} 400 when a field comes twice or has another shape: our own pages never send that
 */
export function readForm<T extends z.ZodType>(ctx: Context, schema: T): z.infer<T> {
  const parsed = schema.safeParse(ctx.request.body ?? {});
  if (!parsed.success) throw createError(400, 'unexpected form');
  return parsed.data;
}
