import { localDate, type Clock } from '../../domain/clock.ts';
import { isNationalId, lastSix, normalizeNationalId } from '../../domain/credentials/national-id.ts';
import { maskName, maskNationalId } from '../../domain/masking.ts';
import { codePoints, hasInvisibleCharacters } from '../../domain/text.ts';
import type { Secrets } from '../../platform/crypto/secrets.ts';
import * as credentials from '../../store/auth/credentials.ts';
import * as changes from '../../store/console/account-changes.ts';
import type { Transaction } from '../../store/database/index.ts';
import * as people from '../../store/people/people.ts';
import { firstPasswordMac } from '../authentication/password-verification.ts';
import { done, effectWithoutInput, impossible, type PersonEffect } from './person-effect.ts';

const MAX_NAME_LENGTH = 100;

interface Deps {
  clock: Clock;
  secrets: Secrets;
}

/** Creates the corrections of a name and a national ID, and the display of the full ID. */
export function createIdentityEffects(
  deps: Deps,
): Record<'correct-name' | 'correct-national-id' | 'reveal-national-id', PersonEffect> {
  return {
    'correct-name': createCorrectName(deps),
    'correct-national-id': createCorrectNationalId(deps),
    'reveal-national-id': effectWithoutInput(async (tx, personId) => {
      const id = await openNationalId(tx, deps.secrets, personId);
      return id === undefined ? impossible('no_national_id') : { ...done('', 'revealed'), revealed: id };
    }),
  };
}

/** Opens the national ID of a person. @returns undefined if it is not stored */
export async function openNationalId(
  tx: Transaction,
  secrets: Pick<Secrets, 'open'>,
  personId: string,
): Promise<string | undefined> {
  const sealed = (await people.findPerson(tx, personId))?.nationalIdSealed ?? undefined;
  return sealed === undefined ? undefined : secrets.open('national-id', personId, sealed);
}

function createCorrectName({ clock }: Deps): PersonEffect {
  const describe: PersonEffect['describe'] = async (tx, personId, input) => {
    const name = input.normalize('NFC').trim().replace(/\s+/g, ' ');
    const { length } = codePoints(name);
    if (length === 0 || length > MAX_NAME_LENGTH || hasInvisibleCharacters(name)) return impossible('invalid_name');
    const before = (await people.findPerson(tx, personId))?.name ?? '';
    return before === name ? impossible('already_done') : { kind: 'change', before, after: name };
  };
  return {
    describe,
    apply: async (tx, personId, { input }) => {
      const change = await describe(tx, personId, input);
      if (change.kind === 'impossible') return change;
      await changes.updateName(tx, personId, change.after, clock.now());
      // The audit log outlives a deletion of the person.
      return done(maskName(change.before), maskName(change.after));
    },
  };
}

function createCorrectNationalId({ clock, secrets }: Deps): PersonEffect {
  const describe: PersonEffect['describe'] = async (tx, personId, input) => {
    const id = normalizeNationalId(input);
    if (!isNationalId(id, localDate(clock.now()))) return impossible('invalid_national_id');
    const person = await people.findPerson(tx, personId);
    if (person?.kind !== 'person') return impossible('school_account');
    const lookup = secrets.mac('national-id-lookup', id);
    if (person.nationalIdLookup === lookup) return impossible('already_done');
    if ((await people.findPersonIdByNationalId(tx, lookup)) !== undefined) return impossible('national_id_taken');
    const before = await openNationalId(tx, secrets, personId);
    return { kind: 'change', before: before ?? '', after: id };
  };
  return {
    describe,
    apply: async (tx, personId, { input }) => {
      const change = await describe(tx, personId, input);
      if (change.kind === 'impossible') return change;
      const { before, after } = change;
      const sealed = secrets.seal('national-id', personId, after);
      const lookup = secrets.mac('national-id-lookup', after);
      await changes.updateNationalId(tx, personId, { lookup, sealed }, clock.now());
      await replaceFirstPassword(tx, { clock, secrets }, personId, after);
      return done(before === '' ? '' : maskNationalId(before), maskNationalId(after));
    },
  };
}

/** The first password of a parent follows the corrected ID, with the same expiry. */
async function replaceFirstPassword(
  tx: Transaction,
  { clock, secrets }: Deps,
  personId: string,
  nationalId: string,
): Promise<void> {
  const { first } = await credentials.getCredential(tx, personId);
  if (first?.kind !== 'first') return;
  const mac = firstPasswordMac(secrets, personId, lastSix(nationalId));
  const { expiresAt } = first;
  await credentials.upsertFirstPassword(tx, { personId, kind: 'first', mac, expiresAt, createdAt: clock.now() });
}
