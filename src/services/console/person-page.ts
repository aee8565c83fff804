import { PERSON_ACTION_NAMES, PERSON_ACTIONS, type PersonActionName } from '../../domain/access/person-actions.ts';
import { decide, type Decision, type DenialReason, type StaffAction } from '../../domain/access/policy.ts';
import { personStateOf, type PersonState } from '../../domain/access/person-state.ts';
import type { AuditEntry } from '../../domain/audit-chain.ts';
import { localDate, type Clock } from '../../domain/clock.ts';
import { maskNationalId } from '../../domain/masking.ts';
import type { Secrets } from '../../platform/crypto/secrets.ts';
import { getCredential } from '../../store/auth/credentials.ts';
import { listSecondFactors } from '../../store/auth/second-factors.ts';
import { listActiveSessionsByPerson, type SessionRow } from '../../store/auth/sessions.ts';
import { readThrottle } from '../../store/auth/throttles.ts';
import { listNamedGuardianships, type NamedGuardianship } from '../../store/console/person-details.ts';
import { findLatestMerge } from '../../store/console/person-merges.ts';
import { findRemoval } from '../../store/console/second-factor-removals.ts';
import { listPersonSummaries, type PersonSummary } from '../../store/console/person-summaries.ts';
import type { Store, Transaction } from '../../store/database/index.ts';
import { listPendingContacts } from '../../store/people/contacts.ts';
import { findPerson } from '../../store/people/people.ts';
import { listSignIns } from '../../store/people/sign-ins.ts';
import type { Audit } from '../audit/audit.ts';
import { hasFailures } from '../authentication/failure-reset.ts';
import { personKey } from '../authentication/login-keys.ts';
import { codeCounterKey } from '../authentication/second-factor-verification.ts';
import type { Authorization, Authorized, StaffActor } from './authorization.ts';
import { openNationalId } from './identity-effects.ts';
import { listVisibleGuardianships, withVisibleChildren } from './visible-family.ts';

/** Sign-ins that the page shows. */
const SHOWN_SIGN_INS = 10;

export interface PersonPage {
  summary: PersonSummary;
  /** A mobile number that the person entered and staff have not confirmed. */
  pendingMobile: string | undefined;
  state: PersonState;
  /** The forms contain it, so that one of two concurrent actions does nothing. */
  version: number;
  sessions: readonly SessionRow[];
  signIns: readonly AuditEntry[];
  guardianships: readonly NamedGuardianship[];
  /** Ids of the guardianships that the actor may change. Both people have to be in scope. */
  changeableGuardianships: readonly string[];
  /** Why the school suspended or ended the guardianships that the actor may change, by id. */
  stateReasons: ReadonlyMap<string, string>;
  secondFactors: number;
  /** When a pending removal of the second factors takes effect, ms since 1970. */
  removalAt: number | undefined;
  /** The masked national ID, for the capacities that may see it. */
  nationalId: string | undefined;
  actions: readonly OfferedAction[];
  /** The reason of the first denial if there are no actions. */
  denied: DenialReason | undefined;
}

interface OfferedAction {
  name: PersonActionName;
  needsConfirmation: boolean;
  /** False if the action would do nothing now, for example a reset link without an address. */
  isUseful: boolean;
}

export interface PersonPages {
  /** Loads the page of a person and records the view. @returns undefined for a person out of scope, as for an unknown id */
  view(actor: StaffActor, personId: string, address: string): Promise<PersonPage | undefined>;
  /** Loads the page without recording a view, for the confirmation of an action. */
  load(actor: StaffActor, personId: string): Promise<PersonPage | undefined>;
}

interface Deps {
  store: Store;
  clock: Clock;
  secrets: Secrets;
  audit: Audit;
  authorization: Authorization;
}

export function createPersonPages({ store, clock, secrets, audit, authorization }: Deps): PersonPages {
  const loadIn = async (tx: Transaction, actor: StaffActor, personId: string): Promise<LoadedPage | undefined> => {
    const authorized = await authorization.authorize(tx, actor, 'view', personId);
    if (authorized?.decision.allowed !== true) return undefined;
    const found = await listPersonSummaries(tx, [personId], localDate(clock.now()));
    const [summary] = await withVisibleChildren(tx, authorization, actor, found);
    const person = await findPerson(tx, personId);
    if (summary === undefined || person === undefined) return undefined;
    const { account, secondFactors } = await loadAccount(tx, personId, person.status === 'active');
    const merge = await findLatestMerge(tx, personId);
    const allowed = listActions(actor, authorized, {
      isActive: account.isActive,
      isPerson: person.kind === 'person',
      hasNationalId: person.nationalIdSealed !== null,
      hasFactors: secondFactors > 0,
      hasMerge: merge !== undefined,
      hadTwoIds: merge?.hadTwoIds === true,
      hasMailbox: summary.logins.some(({ kind, isVerified }) => kind === 'email' && isVerified),
      hasLogin: summary.logins.length > 0,
      needsUnlock: await hasFailures(tx, secrets, personId, clock.now()),
    });
    const mayReveal = allowed.actions.some(({ name }) => name === 'reveal-national-id');
    const nationalId = mayReveal ? await openNationalId(tx, secrets, personId) : undefined;
    const all = await listNamedGuardianships(tx, personId);
    const guardianships = await listVisibleGuardianships(tx, authorization, actor, all);
    const changeable = await listChangeable(tx, authorization, actor, guardianships);
    return {
      capacity: authorized.decision.capacity,
      page: {
        summary,
        pendingMobile: (await listPendingContacts(tx, personId)).find(({ kind }) => kind === 'mobile')?.value,
        state: personStateOf(account, clock.now()),
        version: person.staffVersion,
        sessions: await listActiveSessionsByPerson(tx, personId, clock.now()),
        signIns: await listSignIns(tx, personId, { limit: SHOWN_SIGN_INS }),
        guardianships,
        changeableGuardianships: changeable,
        stateReasons: openStateReasons(secrets, guardianships, changeable),
        secondFactors,
        removalAt: (await findRemoval(tx, personId))?.executesAt,
        nationalId: nationalId && maskNationalId(nationalId),
        ...allowed,
      },
    };
  };
  return {
    load: async (actor, personId) => (await store.read((tx) => loadIn(tx, actor, personId)))?.page,
    view: async (actor, personId, address) => {
      const loaded = await store.read((tx) => loadIn(tx, actor, personId));
      if (loaded === undefined) return undefined;
      const about = { actorId: actor.id, subjectId: personId, address };
      await audit.record({ event: 'staff.view', outcome: 'ok', ...about, detail: { capacity: loaded.capacity } });
      return loaded.page;
    },
  };
}

/** Loads what the state of the account depends on, and the number of its second factors. */
async function loadAccount(
  tx: Transaction,
  personId: string,
  isActive: boolean,
): Promise<{ account: Parameters<typeof personStateOf>[0]; secondFactors: number }> {
  const { hash, first } = await getCredential(tx, personId);
  const throttle = await readThrottle(tx, personKey(personId));
  const factors = await listSecondFactors(tx, personId);
  const hasTotp = factors.some(({ kind }) => kind === 'totp');
  const codes = hasTotp ? await readThrottle(tx, codeCounterKey('totp', personId)) : undefined;
  const account = { isActive, hasPassword: hash !== undefined, first, throttle, wrongCodes: codes?.failures ?? 0 };
  return { account, secondFactors: factors.length };
}

/** Lists the guardianships that the actor may change: the policy decides about both people. */
async function listChangeable(
  tx: Transaction,
  authorization: Authorization,
  actor: StaffActor,
  guardianships: readonly NamedGuardianship[],
): Promise<string[]> {
  const family = guardianships.flatMap(({ guardian, student }) => [guardian.id, student.id]);
  const allowed = await authorization.filterAllowed(tx, actor, 'change_guardianship', [...new Set(family)]);
  return guardianships
    .filter(({ guardian, student }) => allowed.has(guardian.id) && allowed.has(student.id))
    .map(({ id }) => id);
}

function openStateReasons(
  secrets: Pick<Secrets, 'open'>,
  guardianships: readonly NamedGuardianship[],
  changeable: readonly string[],
): Map<string, string> {
  return new Map(
    guardianships.flatMap(({ id, state, stateReasonSealed: sealed }) =>
      sealed === null || state === 'active' || !changeable.includes(id)
        ? []
        : [[id, secrets.open('state-reason', id, sealed)]],
    ),
  );
}

interface LoadedPage {
  page: PersonPage;
  capacity: string;
}

interface ActionFacts {
  isActive: boolean;
  /** false for a school account */
  isPerson: boolean;
  hasNationalId: boolean;
  hasFactors: boolean;
  /** Another account was merged into this one. */
  hasMerge: boolean;
  /** Both accounts of the last merge had a national ID, so two people undo it. */
  hadTwoIds: boolean;
  /** A verified email address. */
  hasMailbox: boolean;
  hasLogin: boolean;
  /** Wrong attempts or a lock, which an unlock ends. */
  needsUnlock: boolean;
}

/** The actions that make sense for some accounts only; `enable` and `disable` never appear together. */
const APPLICABLE: Partial<Record<PersonActionName, (facts: ActionFacts) => boolean>> = {
  enable: ({ isActive }) => !isActive,
  disable: ({ isActive }) => isActive,
  'remove-second-factor': ({ hasFactors }) => hasFactors,
  'reveal-national-id': ({ hasNationalId }) => hasNationalId,
  'change-email': ({ isPerson }) => isPerson,
  'change-mobile': ({ isPerson }) => isPerson,
  'correct-national-id': ({ isPerson }) => isPerson,
  'suspend-guardianship': ({ isPerson }) => isPerson,
  'resume-guardianship': ({ isPerson }) => isPerson,
  'revoke-guardianship': ({ isPerson }) => isPerson,
  merge: ({ isPerson }) => isPerson,
  'undo-merge': ({ hasMerge }) => hasMerge,
};

/** The actions that do nothing in some states of an account. */
const USEFUL: Partial<Record<PersonActionName, (facts: ActionFacts) => boolean>> = {
  'reset-link': ({ isActive, hasMailbox }) => isActive && hasMailbox,
  'one-time-code': ({ isActive, hasLogin }) => isActive && hasLogin,
  'first-password': ({ isActive, hasLogin }) => isActive && hasLogin,
  unlock: ({ needsUnlock }) => needsUnlock,
};

function policyActionOf(name: PersonActionName, { hadTwoIds }: ActionFacts): StaffAction {
  return name === 'undo-merge' && hadTwoIds ? 'merge_with_two_ids' : PERSON_ACTIONS[name];
}

/** Lists the actions that the actor may do now. */
function listActions(
  actor: StaffActor,
  { target, policy }: Pick<Authorized, 'target' | 'policy'>,
  facts: ActionFacts,
): Pick<PersonPage, 'actions' | 'denied'> {
  const decisions = PERSON_ACTION_NAMES.filter((name) => APPLICABLE[name]?.(facts) !== false).map(
    (name): { name: PersonActionName; decision: Decision } => ({
      name,
      decision: decide(actor, policyActionOf(name, facts), target, policy),
    }),
  );
  const actions = decisions.flatMap(({ name, decision }) =>
    decision.allowed
      ? [{ name, needsConfirmation: decision.needsConfirmation, isUseful: USEFUL[name]?.(facts) !== false }]
      : [],
  );
  const [first] = decisions.flatMap(({ decision }) => (decision.allowed ? [] : [decision.reason]));
  return { actions, denied: actions.length === 0 ? first : undefined };
}
