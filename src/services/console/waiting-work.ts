import { administersCity } from '../../domain/access/policy.ts';
import { WORK_KINDS, type WorkKind } from '../../domain/binding/family-notices.ts';
import type { ApplicationPages } from '../binding/application-pages.ts';
import { canReview } from '../binding/review.ts';
import type { StaffActor } from './authorization.ts';
import { canSeeFamilyRequests, type FamilyRequests } from './family-requests.ts';
import type { StaffRequestList } from './request-list.ts';
import { canSeeRequests } from './staff-requests.ts';
import { canSeeSubjectRequests, type ConsoleSubjectRequests } from './subject-requests.ts';

export interface WaitingWork {
  kind: WorkKind;
  count: number;
  /** More than one page of the list waits. */
  hasMore: boolean;
}

/** Counts what waits for a decision of a member of staff. Each count is of one page of a list, so its cost has a limit. */
export interface WaitingWorkCounts {
  /** Lists the kinds that the capacities of the actor decide, also those with nothing to do. */
  list(actor: StaffActor): Promise<WaitingWork[]>;
  countSubjectRequests(actor: StaffActor): Promise<WaitingWork>;
}

interface Deps {
  applicationPages: Pick<ApplicationPages, 'list'>;
  familyRequests: Pick<FamilyRequests, 'list'>;
  subjectRequests: Pick<ConsoleSubjectRequests, 'list'>;
  requests: Pick<StaffRequestList, 'countDecidable'>;
}

export function createWaitingWorkCounts(deps: Deps): WaitingWorkCounts {
  const { applicationPages, familyRequests, subjectRequests, requests } = deps;
  const counters: Readonly<Record<WorkKind, (actor: StaffActor) => Promise<Omit<WaitingWork, 'kind'>>>> = {
    applications: async (actor) => {
      const search = { state: 'submitted' as const, schoolCode: undefined, classId: undefined, until: undefined };
      const { lines, next } = await applicationPages.list(actor, { ...search, after: undefined });
      return { count: lines.length, hasMore: next !== undefined };
    },
    'family-requests': async (actor) => {
      const { requests: page, next } = await familyRequests.list(actor, undefined);
      return { count: page.length, hasMore: next !== undefined };
    },
    'subject-requests': async (actor) => {
      const { requests: page, next } = await subjectRequests.list(actor, { isOpen: true, after: undefined });
      return { count: page.length, hasMore: next !== undefined };
    },
    requests: (actor) => requests.countDecidable(actor),
  };
  const count = async (actor: StaffActor, kind: WorkKind): Promise<WaitingWork> => ({
    kind,
    ...(await counters[kind](actor)),
  });
  return {
    list: (actor) => Promise.all(WORK_KINDS.filter((kind) => DECIDES[kind](actor)).map((kind) => count(actor, kind))),
    countSubjectRequests: (actor) => count(actor, 'subject-requests'),
  };
}

const DECIDES: Readonly<Record<WorkKind, (actor: StaffActor) => boolean>> = {
  // The bureau chooses a school first.
  applications: (actor) => canReview(actor) && !administersCity(actor),
  'family-requests': canSeeFamilyRequests,
  'subject-requests': canSeeSubjectRequests,
  requests: canSeeRequests,
};
