import { localize } from '../../config/localized-text.ts';
import { localDate, type Clock } from '../../domain/clock.ts';
import { DAY_MS } from '../../domain/duration.ts';
import type { School } from '../../domain/model.ts';
import { currentTerm } from '../../domain/term.ts';
import { DEFAULT_LANGUAGE, SECOND_LANGUAGE } from '../../domain/text.ts';
import type { Secrets } from '../../platform/crypto/secrets.ts';
import * as answers from '../../store/binding/answers.ts';
import { findClass, type SchoolClass } from '../../store/console/classes.ts';
import type { Store, Transaction } from '../../store/database/index.ts';
import { listSchoolsByCode } from '../../store/people/schools.ts';
import type { Audit } from '../audit/audit.ts';
import { openApplicant } from '../binding/applicant-data.ts';
import type { MailJob, Outbox } from '../notifications/outbox.ts';
import type { Settings } from '../settings/settings.ts';
import type { Authorization, StaffActor } from './authorization.ts';
import { reviewingCapacity } from './binding-overviews.ts';

/** The families of a class, or of a school in the current term. */
export type ReminderTarget = { classId: string } | { schoolCode: string };

/** The effect that a reminder would have now. */
export interface ReminderPlan {
  school: School;
  /** undefined for the whole school */
  schoolClass: SchoolClass | undefined;
  /** Families that have not answered. */
  families: number;
  /** Those of them without a confirmed address. */
  withoutAddress: number;
  /** Those of them that were reminded in the last `days`. */
  remindedRecently: number;
  mails: number;
  days: number;
  /** The school is closed, so that its staff send nothing. */
  isSchoolClosed: boolean;
}

/** A family that has not answered and has no address, with the account of its child at the school. */
export interface LetterRecipient {
  student: string;
  seat: number;
  /** `p11330003` */
  account: string;
}

export type ReminderResult =
  | { kind: 'done'; mails: number }
  | { kind: 'not_found' }
  | { kind: 'school_closed' }
  /** The number of mails is no longer the one that the form showed. Nothing was done. */
  | { kind: 'changed_meanwhile' };

/** Reminds families that have not answered about the binding. */
export interface BindingReminders {
  /** @returns undefined for a target out of scope, as for an unknown one */
  plan(actor: StaffActor, target: ReminderTarget): Promise<ReminderPlan | undefined>;
  /** Mails the families once in the days that the bureau has set. @param shown the number of mails that the form showed */
  send(request: { actorId: string; target: ReminderTarget; shown: number; address: string }): Promise<ReminderResult>;
  /** Lists the families of a class that need a letter, and records the view. @returns undefined for a class out of scope */
  listLetters(
    actor: StaffActor,
    classId: string,
    address: string,
  ): Promise<{ schoolClass: SchoolClass; letters: readonly LetterRecipient[] } | undefined>;
}

interface Deps {
  store: Store;
  clock: Clock;
  secrets: Secrets;
  audit: Audit;
  outbox: Outbox;
  settings: Pick<Settings, 'readPolicy'>;
  authorization: Authorization;
  issuer: string;
}

export function createBindingReminders(deps: Deps): BindingReminders {
  const { store, audit } = deps;
  return {
    plan: (actor, target) =>
      store.read(async (tx) => {
        const found = await findTarget(deps, tx, actor, target);
        return found && (await planIn(deps, tx, actor, found)).plan;
      }),
    send: (request) => store.write((tx) => sendIn(deps, tx, request)),
    listLetters: async (actor, classId, address) => {
      const found = await store.read(async (tx) => {
        const target = await findTarget(deps, tx, actor, { classId });
        if (target?.schoolClass === undefined) return undefined;
        return {
          schoolClass: target.schoolClass,
          letters: isClosedFor(target) ? [] : await listLettersIn(deps, tx, actor, target),
        };
      });
      if (found === undefined) return undefined;
      const detail = { class: classId, school: found.schoolClass.school.code };
      await audit.record({ event: 'staff.view_class', outcome: 'ok', actorId: actor.id, address, detail });
      return found;
    },
  };
}

type Found = Pick<ReminderPlan, 'school' | 'schoolClass'> & {
  scope: answers.AnswerScope;
  held: NonNullable<ReturnType<typeof reviewingCapacity>>;
};

async function findTarget(
  { clock }: Deps,
  tx: Transaction,
  actor: StaffActor,
  target: ReminderTarget,
): Promise<Found | undefined> {
  if ('classId' in target) {
    const { classId } = target;
    const schoolClass = await findClass(tx, classId);
    const held = schoolClass && reviewingCapacity(actor, { schoolCode: schoolClass.school.code, classId });
    return held && { school: schoolClass.school, schoolClass, scope: { classIds: [classId] }, held };
  }
  const { schoolCode } = target;
  const held = reviewingCapacity(actor, { schoolCode });
  const [school] = held === undefined ? [] : await listSchoolsByCode(tx, [schoolCode]);
  const scope = { schoolCode, term: currentTerm(localDate(clock.now())) };
  return held && school && { school, schoolClass: undefined, scope, held };
}

/** Returns true if the reviewer may only look, because the school is closed. */
function isClosedFor({ held }: Found): boolean {
  return held.capacity !== 'bureau_admin' && held.isSchoolClosed === true;
}

/** The addresses of a family, without repetition, and its language. */
interface Reachable {
  family: answers.StudentAnswer;
  addresses: ReadonlySet<string>;
  lang: string;
}

/** Lists the families that have not answered, and which of them have an address that the actor may use. */
async function listUnanswered(
  { clock, secrets, authorization }: Deps,
  tx: Transaction,
  actor: StaffActor,
  { scope }: Found,
): Promise<{ families: answers.StudentAnswer[]; accounts: answers.FamilyAccount[]; reachable: Reachable[] }> {
  const students = await answers.listAnswers(tx, scope, localDate(clock.now()));
  const families = students.filter(({ answer }) => answer === 'none');
  const ids = families.map(({ studentId }) => studentId);
  if (ids.length === 0) return { families, accounts: [], reachable: [] };
  const applicants = await answers.listConfirmedApplicants(tx, ids);
  const accounts = await answers.listFamilyAccounts(tx, ids);
  const allowed = await authorization.filterAllowed(tx, actor, 'review_application', [
    ...new Set([...applicants, ...accounts.filter(({ kind }) => kind === 'email')].map(({ studentId }) => studentId)),
  ]);
  const reachable = families
    .filter(({ studentId }) => allowed.has(studentId))
    .map((family) => {
      // A draft or an account of a former school can be of people who no longer act for the student.
      const isOwn = ({ studentId, schoolCode }: { studentId: string; schoolCode: string }): boolean =>
        studentId === family.studentId && schoolCode === family.schoolCode;
      const own = accounts.filter(isOwn);
      const confirmed = applicants.filter(isOwn).map(({ applicant }) => openApplicant(secrets, applicant).email);
      const emails = own.filter(({ kind }) => kind === 'email').map(({ value }) => value);
      const lang = own.find(({ locale }) => locale !== null)?.locale ?? DEFAULT_LANGUAGE;
      return { family, addresses: new Set([...confirmed, ...emails]), lang };
    })
    .filter(({ addresses }) => addresses.size > 0);
  return { families, accounts, reachable };
}

async function planIn(
  deps: Deps,
  tx: Transaction,
  actor: StaffActor,
  found: Found,
): Promise<{ plan: ReminderPlan; due: Reachable[]; before: number }> {
  const { families, reachable } = await listUnanswered(deps, tx, actor, found);
  const { value: policy } = await deps.settings.readPolicy(tx);
  const before = deps.clock.now() - policy.reminderDays * DAY_MS;
  const due = reachable.filter(({ family: { remindedAt } }) => remindedAt === null || remindedAt <= before);
  const { school, schoolClass } = found;
  const plan = {
    ...{ school, schoolClass },
    families: families.length,
    withoutAddress: families.length - reachable.length,
    remindedRecently: reachable.length - due.length,
    mails: due.reduce((sum, { addresses }) => sum + addresses.size, 0),
    days: policy.reminderDays,
    isSchoolClosed: isClosedFor(found),
  };
  return { plan, due, before };
}

async function sendIn(
  deps: Deps,
  tx: Transaction,
  { actorId, target, shown, address }: Parameters<BindingReminders['send']>[0],
): Promise<ReminderResult> {
  const { authorization, clock, outbox, audit } = deps;
  const actor = await authorization.findActorIn(tx, actorId);
  const found = actor && (await findTarget(deps, tx, actor, target));
  if (actor === undefined || found === undefined) return { kind: 'not_found' };
  const { held, school, schoolClass } = found;
  if (isClosedFor(found)) return { kind: 'school_closed' };
  const { plan, due, before } = await planIn(deps, tx, actor, found);
  if (plan.mails !== shown) return { kind: 'changed_meanwhile' };
  const ids = due.map(({ family }) => family.studentId);
  const claimed = await answers.claimReminders(tx, ids, { now: clock.now(), before });
  // A colleague was faster; no row was written.
  if (claimed.size === 0) return { kind: 'changed_meanwhile' };
  const jobs = due
    .filter(({ family }) => claimed.has(family.studentId))
    .flatMap((one) => [...one.addresses].map((to) => reminderMail(deps, to, one, school)));
  await outbox.enqueueAll(tx, jobs);
  const detail = { capacity: held.capacity, school: school.code, families: claimed.size, mails: jobs.length };
  await audit.append(tx, {
    event: 'staff.remind_families',
    outcome: 'ok',
    actorId: actor.id,
    address,
    detail: schoolClass === undefined ? detail : { ...detail, class: schoolClass.id },
  });
  return { kind: 'done', mails: jobs.length };
}

function reminderMail({ issuer }: Deps, to: string, { family, lang }: Reachable, school: School): MailJob {
  const locals = {
    student: family.name,
    school: localize({ [DEFAULT_LANGUAGE]: school.name, [SECOND_LANGUAGE]: school.nameEn }, lang),
    link: `${issuer}/binding`,
  };
  return { kind: 'mail', to, lang, template: 'binding-reminder', locals };
}

async function listLettersIn(deps: Deps, tx: Transaction, actor: StaffActor, found: Found): Promise<LetterRecipient[]> {
  const { families, accounts, reachable } = await listUnanswered(deps, tx, actor, found);
  const withAddress = new Set(reachable.map(({ family }) => family.studentId));
  const visible = await deps.authorization.filterVisible(
    tx,
    actor,
    families.map(({ studentId }) => studentId),
  );
  return families
    .filter(({ studentId }) => visible.has(studentId) && !withAddress.has(studentId))
    .flatMap(({ studentId, schoolCode, name, seat }) => {
      const account = accounts.find(
        (one) => one.studentId === studentId && one.schoolCode === schoolCode && one.kind === 'school_account',
      );
      return account === undefined ? [] : [{ student: name, seat, account: account.value }];
    });
}
