import type { StaffChangeName } from '../../domain/access/person-actions.ts';
import { personStateOf } from '../../domain/access/person-state.ts';
import type { Clock } from '../../domain/clock.ts';
import { lastSix } from '../../domain/credentials/national-id.ts';
import { createOneTimeCode, ONE_TIME_CODE_MS } from '../../domain/credentials/one-time-code.ts';
import { DAY_MS } from '../../domain/duration.ts';
import type { Random } from '../../domain/random.ts';
import type { Secrets } from '../../platform/crypto/secrets.ts';
import * as credentials from '../../store/auth/credentials.ts';
import { listActiveSessionsByPerson } from '../../store/auth/sessions.ts';
import { loadAccountFacts } from '../../store/console/classes.ts';
import { findSchoolAccount } from '../../store/console/school-accounts.ts';
import { listLogins } from '../../store/console/person-summaries.ts';
import type { Transaction } from '../../store/database/index.ts';
import * as people from '../../store/people/people.ts';
import type { Revocation } from '../access/revocation.ts';
import { admitStaffLink } from '../authentication/credential-change-limit.ts';
import { firstPasswordMac } from '../authentication/password-verification.ts';
import type { Settings } from '../settings/settings.ts';
import type { SendResetLink } from '../authentication/password-reset.ts';
import type { RevokeDeps } from '../people/affiliation-expiry.ts';
import type { Guardianships } from '../people/guardianships.ts';
import { COUNTER_KEYS } from './classes.ts';
import { createContactEffect } from './contact-effects.ts';
import { createDutyEffects } from './duty-effects.ts';
import { createGuardianshipEffects } from './guardianship-effects.ts';
import { createIdentityEffects, openNationalId } from './identity-effects.ts';
import { createMergeEffect } from './merge-effect.ts';
import { createUndoMergeEffect } from './undo-merge-effect.ts';
import { done, effectWithoutInput, impossible, type Effect, type PersonEffect } from './person-effect.ts';
import { createRemoveSecondFactor } from './second-factor-effect.ts';

type ApplyEffect = (tx: Transaction, personId: string) => Promise<Effect>;

interface Deps extends RevokeDeps {
  clock: Clock;
  random: Random;
  secrets: Secrets;
  revocation: Revocation;
  sendResetLink: SendResetLink;
  guardianships: Pick<Guardianships, 'applyIn'>;
  settings: Pick<Settings, 'readPolicy'>;
}

/** Creates the effect of each action on an account. */
export function createPersonEffects(deps: Deps): Readonly<Record<StaffChangeName, PersonEffect>> {
  return {
    'reset-link': effectWithoutInput(
      ifActive(async (tx, personId) => {
        if (!(await admitStaffLink(tx, personId, deps.clock.now()))) return impossible('too_many_links');
        return (await deps.sendResetLink(tx, personId)) ? done('', 'link sent') : impossible('no_email');
      }),
    ),
    'one-time-code': effectWithoutInput(ifUsable(createIssueCode(deps))),
    'first-password': effectWithoutInput(ifUsable(createRestoreFirstPassword(deps))),
    unlock: effectWithoutInput(async (tx, personId) => ({
      ...done(await describeState(tx, personId, deps.clock.now()), 'unlocked'),
      clearsFailures: true,
    })),
    disable: effectWithoutInput(createSetStatus(deps, 'disabled')),
    enable: effectWithoutInput(createSetStatus(deps, 'active')),
    'revoke-sessions': effectWithoutInput(createRevokeSessions(deps)),
    'change-email': createContactEffect(deps, 'email'),
    'change-mobile': createContactEffect(deps, 'mobile'),
    ...createIdentityEffects(deps),
    ...createDutyEffects(deps),
    ...createGuardianshipEffects(deps),
    'remove-second-factor': effectWithoutInput(createRemoveSecondFactor(deps)),
    merge: createMergeEffect(deps),
    'undo-merge': createUndoMergeEffect(deps),
  };
}

function createRevokeSessions({ clock, revocation }: Deps): ApplyEffect {
  return async (tx, personId) => {
    const sessions = await listActiveSessionsByPerson(tx, personId, clock.now());
    await people.incrementCredentialVersion(tx, personId);
    await revocation.revokeAllOf(tx, personId);
    return done(`sessions: ${String(sessions.length)}`, 'sessions: 0');
  };
}

/** Refuses to issue a credential for a disabled account, which it would not open. */
function ifActive(apply: ApplyEffect): ApplyEffect {
  return async (tx, personId) => {
    const person = await people.findPerson(tx, personId);
    return person?.status === 'active' ? apply(tx, personId) : impossible('disabled');
  };
}

/** As `ifActive`, and refuses a credential that no login would open. */
function ifUsable(apply: ApplyEffect): ApplyEffect {
  return ifActive(async (tx, personId) =>
    (await listLogins(tx, [personId])).length > 0 ? apply(tx, personId) : impossible('no_login'),
  );
}

function createIssueCode({ clock, random, secrets, revocation }: Deps): ApplyEffect {
  return async (tx, personId) => {
    const before = await describeCredential(tx, personId);
    const [code, createdAt] = [createOneTimeCode(random), clock.now()];
    const expiresAt = createdAt + ONE_TIME_CODE_MS;
    const mac = firstPasswordMac(secrets, personId, code);
    await credentials.upsertFirstPassword(tx, { personId, kind: 'one_time_code', mac, expiresAt, createdAt });
    await revocation.revokeAllOf(tx, personId);
    return { ...done(before, 'one-time code'), oneTimeCode: { code, expiresAt }, clearsFailures: true };
  };
}

/** The first password is the last six characters of the person's ID, or the whole ID of the pupil of a school account. */
function createRestoreFirstPassword({ clock, secrets, revocation, settings }: Deps): ApplyEffect {
  return async (tx, personId) => {
    const studentId = await findSchoolAccount(tx, personId);
    const id = await openNationalId(tx, secrets, studentId ?? personId);
    if (id === undefined) return impossible('no_national_id');
    const before = await describeCredential(tx, personId);
    const createdAt = clock.now();
    const mac = firstPasswordMac(secrets, personId, studentId === undefined ? lastSix(id) : id);
    const { value: policy } = await settings.readPolicy(tx);
    const expiresAt = createdAt + policy.firstPasswordDays * DAY_MS;
    await credentials.upsertFirstPassword(tx, { personId, kind: 'first', mac, expiresAt, createdAt });
    await revocation.revokeAllOf(tx, personId);
    return { ...done(before, 'first password'), clearsFailures: true };
  };
}

function createSetStatus({ clock, revocation }: Deps, status: people.PersonStatus): ApplyEffect {
  return async (tx, personId) => {
    const before = (await people.findPerson(tx, personId))?.status ?? '';
    if (before === status) return impossible('already_done');
    await people.updatePersonStatus(tx, personId, status, clock.now());
    // Also when enabling: a request that began before the disabling may have stored its link after it.
    await credentials.deleteResetLink(tx, personId);
    if (status === 'disabled') await revocation.revokeAllOf(tx, personId);
    return { ...done(before, status), clearsFailures: status === 'active' };
  };
}

async function describeState(tx: Transaction, personId: string, now: number): Promise<string> {
  const account = (await loadAccountFacts(tx, [personId], COUNTER_KEYS)).get(personId);
  if (account === undefined) return '';
  const state = personStateOf(account, now);
  if ('failures' in state) return `${state.kind}, wrong passwords: ${String(state.failures)}`;
  return 'validity' in state ? `${state.kind}, ${state.validity}` : state.kind;
}

async function describeCredential(tx: Transaction, personId: string): Promise<string> {
  const { hash, first } = await credentials.getCredential(tx, personId);
  if (hash !== undefined) return 'own password';
  if (first === undefined) return 'no password';
  return first.kind === 'first' ? 'first password' : 'one-time code';
}
