import type { Context } from 'koa';
import { z } from 'zod';

const position = z.object({ at: z.coerce.number().int(), id: z.string().max(100) });
type Position = z.infer<typeof position>;

/** Reads `?at=&id=`: the page of a list of requests begins after this one. @returns undefined for the first page */
export function requestPositionOf(ctx: Context): Position | undefined {
  return position.safeParse(ctx.query).data;
}

/** Returns the URL of the next page of a list. @param filter other parameters of the list */
export function nextRequestsUrl(
  path: string,
  next: Position | undefined,
  filter: Record<string, string> = {},
): string | undefined {
  return next && `${path}?${new URLSearchParams({ ...filter, at: String(next.at), id: next.id }).toString()}`;
}
