import createError from 'http-errors';
import type { Context } from 'koa';
import { z } from 'zod';
import { pathIdOf } from '../console/path-id.ts';

const guardianshipId = z.guid();

/** Returns the `:id` of the path of a guardianship. @throws {HttpError} 404 if it is none */
export function guardianshipIdOf(ctx: Context): string {
  const id = guardianshipId.safeParse(pathIdOf(ctx)).data;
  if (id === undefined) throw createError(404, 'the path has no id of a guardianship');
  return id;
}
