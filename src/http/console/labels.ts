import type { Context } from 'koa';
import { dutyOf } from '../../domain/access/duties.ts';
import { currentEnrollments } from '../../domain/acting/contexts.ts';
import { isWithinValidity } from '../../domain/acting/guardianship.ts';
import { localDate } from '../../domain/clock.ts';
import { formatLocalMobile } from '../../domain/credentials/identifiers.ts';
import type { School } from '../../domain/model.ts';
import type { PersonSummary } from '../../services/console/search.ts';
import type { HttpDeps } from '../deps.ts';

/** Describes what a person is, one line for each affiliation: `學生：示範高中 高二3班 5 號`. */
export function affiliationLines(deps: HttpDeps, ctx: Context, person: PersonSummary): string[] {
  const { pages, clock } = deps;
  const today = localDate(clock.now());
  const schoolOf = (school: School | undefined): string => pages.schoolName(ctx, school) ?? '';
  const pupil = currentEnrollments(person.enrollments, today).map((place) =>
    pages.t(ctx, 'console.person.pupil', {
      ...{ school: schoolOf(place.school), class: pages.className(ctx, place) },
      ...{ seat: place.seat, number: place.studentNumber },
    }),
  );
  const staff = person.memberships
    .filter((one) => isWithinValidity(one, today))
    .map((one) =>
      [pages.t(ctx, `bureau.duty.${dutyOf(one)}`), schoolOf(one.school)].filter((part) => part !== '').join(' · '),
    );
  const parent =
    person.children.length === 0
      ? []
      : [
          pages.t(ctx, 'console.person.parentOf', {
            children: person.children.map(({ name }) => name).join(pages.t(ctx, 'console.person.separator')),
          }),
        ];
  const account = person.kind === 'school_account' ? [pages.t(ctx, 'console.person.schoolAccount')] : [];
  return [...account, ...staff, ...parent, ...pupil];
}

/** Formats a login as people write it. */
export function formatLogin({ kind, value }: PersonSummary['logins'][number]): string {
  if (kind === 'mobile') return formatLocalMobile(value);
  return kind === 'school_account' ? value.toUpperCase() : value;
}
