import Router from '@koa/router';
import { z } from 'zod';
import type { School } from '../../domain/model.ts';
import type { HttpDeps } from '../deps.ts';
import { describeContacts } from './describe.ts';

const MAX_LENGTH = 100;
const typedSchool = z
  .string()
  .max(MAX_LENGTH)
  .catch('')
  .transform((value) => value.trim());

/** `GET /school-contacts`: the desks of a school, for people who cannot sign in. Schools publish these numbers themselves. */
export function createSchoolContactsRouter(deps: HttpDeps): Router {
  const { pages, schoolDirectory, schoolContacts } = deps;
  const router = new Router();
  router.get('/school-contacts', async (ctx) => {
    const typed = typedSchool.parse(ctx.query['school'] ?? '');
    const matches = typed === '' ? [] : await schoolDirectory.match(typed);
    const [only] = matches;
    const found = only !== undefined && matches.length === 1 ? await schoolContacts.find(only.code) : undefined;
    const schools = await schoolDirectory.list();
    const toOption = (school: School) => ({ code: school.code, name: pages.schoolName(ctx, school) ?? school.code });
    pages.show(ctx, 'school-contacts', {
      typed,
      options: schools.map(toOption),
      matches: matches.map(toOption),
      schoolContacts: found === undefined ? [] : describeContacts(deps, ctx, [found]),
    });
  });
  return router;
}
