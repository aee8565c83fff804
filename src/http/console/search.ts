import type { Context } from 'koa';
import { z } from 'zod';
import type { HttpDeps } from '../deps.ts';
import { affiliationLines, formatLogin } from './labels.ts';
import type { SignedInStaff } from './session.ts';

const MAX_PARAMETER_LENGTH = 200;
const parameter = z.string().max(MAX_PARAMETER_LENGTH).catch('');

/** `GET /console/search?q=`: people in the scope of the member of staff. `name` and `id` continue after a person. */
export async function showResults(deps: HttpDeps, ctx: Context, { actor }: SignedInStaff): Promise<void> {
  const q = parameter.parse(ctx.query['q'] ?? '').trim();
  const [name, id] = [parameter.parse(ctx.query['name'] ?? ''), parameter.parse(ctx.query['id'] ?? '')];
  const after = id === '' ? undefined : { name, id };
  const { people, next } = await deps.console.search.find(actor, q, after);
  deps.pages.show(ctx, 'console/search', {
    q,
    people: people.map((person) => ({
      id: person.id,
      name: person.name,
      isDisabled: person.status === 'disabled',
      lines: affiliationLines(deps, ctx, person),
      logins: person.logins.map(formatLogin),
    })),
    nextUrl: next && `/console/search?${new URLSearchParams({ q, name: next.name, id: next.id }).toString()}`,
    isFirstPage: after === undefined,
  });
}
