import type { Context } from 'koa';
import { z } from 'zod';
import { localDateTime, parseLocalDateTime } from '../../domain/clock.ts';
import { MINUTE_MS } from '../../domain/duration.ts';
import type { FieldErrors } from '../../presentation/page-locals/common.ts';
import type { AuditFilter } from '../../services/console/audit-log.ts';
import type { HttpDeps } from '../deps.ts';

const MAX_LENGTH = 254;
const parameter = z
  .string()
  .max(MAX_LENGTH)
  .catch('')
  .transform((text) => text.trim());

export const FILTER_NAMES = ['person', 'actor', 'event', 'school', 'client', 'request', 'from', 'to'] as const;
type FilterValues = Record<(typeof FILTER_NAMES)[number], string>;

/** How the values that are no login names look. */
const PATTERNS = {
  event: /^[a-z_]{1,40}(\.[a-z_]{1,40})?$/,
  school: /^[0-9A-Za-z]{1,20}$/,
  request: /^[\w-]{16,64}$/,
} as const;

/** Returns the filter of the query as it was entered. */
export function filterValues({ query }: Context): FilterValues {
  const read = (name: string): string => parameter.parse(query[name] ?? '');
  return {
    person: read('person'),
    actor: read('actor'),
    event: read('event'),
    school: read('school'),
    client: read('client'),
    request: read('request'),
    from: read('from'),
    to: read('to'),
  };
}

/** Reads a filter. `errors` has a text for each value that cannot match anything. */
export async function parseFilter(
  deps: HttpDeps,
  ctx: Context,
  values: FilterValues,
): Promise<{ filter: AuditFilter; errors: FieldErrors }> {
  const errors: Record<string, string> = {};
  const findPerson = async (name: 'person' | 'actor'): Promise<string | undefined> => {
    if (values[name] === '') return undefined;
    const id = await deps.console.auditLog.findPersonId(values[name]);
    if (id === undefined) errors[name] = deps.pages.t(ctx, 'auditViewer.unknownPerson');
    return id;
  };
  const readText = (name: keyof typeof PATTERNS): string | undefined => {
    if (values[name] === '') return undefined;
    if (!PATTERNS[name].test(values[name])) errors[name] = deps.pages.t(ctx, 'auditViewer.invalid');
    return values[name];
  };
  const readTime = (name: 'from' | 'to'): number | undefined => {
    const instant = parseLocalDateTime(values[name]);
    if (values[name] !== '' && instant === undefined) errors[name] = deps.pages.t(ctx, 'auditViewer.invalidTime');
    return instant;
  };
  const to = readTime('to');
  return {
    filter: {
      subjectId: await findPerson('person'),
      actorId: await findPerson('actor'),
      event: readText('event'),
      schoolCode: readText('school'),
      clientId: values.client === '' ? undefined : values.client,
      requestId: readText('request'),
      from: readTime('from'),
      // The last minute belongs to the range.
      to: to === undefined ? undefined : to + MINUTE_MS,
    },
    errors,
  };
}

/** Returns a URL with the values of a filter that are set. */
export function filterUrl(path: string, values: Partial<FilterValues>, more: Record<string, string> = {}): string {
  const set = Object.entries({ ...values, ...more }).filter(([, value]) => value !== '');
  return set.length === 0 ? path : `${path}?${new URLSearchParams(set).toString()}`;
}

/** Most sign-ins take less. A refresh token, which has the id of its sign-in, is used later. */
const REQUEST_RANGE_MS = 10 * MINUTE_MS;

/** Returns the URL of all entries of a request or sign-in. The range of time keeps the search short. */
export function requestUrl(requestId: string, at: number): string {
  const [from, to] = [localDateTime(at - REQUEST_RANGE_MS), localDateTime(at + REQUEST_RANGE_MS)];
  return filterUrl('/console/audit', { request: requestId, from, to });
}
