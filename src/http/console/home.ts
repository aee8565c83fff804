import type { Context } from 'koa';
import type { HttpDeps } from '../deps.ts';
import { describeDashboard } from './dashboard.ts';
import type { SignedInStaff } from './session.ts';

/** `GET /console`: the search, the duties of the member of staff, and the numbers of their scope. */
export async function showHome(deps: HttpDeps, ctx: Context, { actor, facts }: SignedInStaff): Promise<void> {
  const { pages, console: services } = deps;
  const schools = await services.authorization.listSchools(actor);
  pages.show(ctx, 'console/home', {
    name: facts.name,
    capacities: actor.capacities.map((held) => ({
      capacity: held.capacity,
      school: pages.schoolName(
        ctx,
        schools.find(({ code }) => 'schoolCode' in held && code === held.schoolCode),
      ),
    })),
    waiting: await services.waitingWork.list(actor),
    dashboards: (await services.dashboards.load(actor)).map((one) => describeDashboard(deps, ctx, one)),
  });
}
