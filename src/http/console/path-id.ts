import createError from 'http-errors';
import type { Context } from 'koa';

/** Returns the `:id` of the path. @throws {HttpError} 404 if the path has no `:id` */
export function pathIdOf(ctx: Context): string {
  const params: unknown = ctx['params'];
  const id = typeof params === 'object' && params !== null && 'id' in params ? params.id : undefined;
  if (typeof id !== 'string') throw createError(404, 'the path has no id');
  return id;
}
