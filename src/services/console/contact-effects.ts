import type { Clock } from '../../domain/clock.ts';
import { parseLogin } from '../../domain/credentials/identifiers.ts';
import { maskLogin } from '../../domain/masking.ts';
import type { Random } from '../../domain/random.ts';
import * as credentials from '../../store/auth/credentials.ts';
import * as changes from '../../store/console/account-changes.ts';
import { deletePendingContact } from '../../store/people/contacts.ts';
import * as people from '../../store/people/people.ts';
import { done, impossible, type PersonEffect } from './person-effect.ts';

interface Deps {
  clock: Clock;
  random: Random;
}

/**
 * Creates the change of an email address or mobile number. The new one is verified, because staff have checked it with the person. A reset
 * link that was sent to the old address ends, and so does a change that the person, or a thief of the session, has not confirmed yet.
 */
export function createContactEffect({ clock, random }: Deps, kind: 'email' | 'mobile'): PersonEffect {
  const describe: PersonEffect['describe'] = async (tx, personId, input) => {
    const login = parseLogin(input);
    if (login?.kind !== kind) return impossible(`invalid_${kind}`);
    if ((await people.findPerson(tx, personId))?.kind !== 'person') return impossible('school_account');
    const current = await changes.findIdentifierOf(tx, personId, kind);
    if (current?.value === login.value) return impossible('already_done');
    const owner = await people.findPersonIdByIdentifier(tx, kind, login.value);
    if (owner !== undefined) return impossible('taken');
    return { kind: 'change', before: current?.value ?? '', after: login.value };
  };
  return {
    describe,
    apply: async (tx, personId, { input }) => {
      const change = await describe(tx, personId, input);
      if (change.kind === 'impossible') return change;
      const { after } = change;
      const current = await changes.findIdentifierOf(tx, personId, kind);
      const now = clock.now();
      if (current !== undefined) await changes.deleteIdentifier(tx, current.id);
      // The first login of its kind is the one that mail goes to, so the new one takes the place of the old one.
      const createdAt = current?.createdAt ?? now;
      const row = { id: random.uuid(), personId, kind, value: after, verifiedAt: now, createdAt };
      await people.insertIdentifier(tx, row);
      await credentials.deleteResetLink(tx, personId);
      await deletePendingContact(tx, personId, kind);
      if (kind === 'email') await deletePendingContact(tx, personId, 'former_email');
      const isMailbox = kind === 'email' && current !== undefined && current.verifiedAt !== null;
      const masked = current === undefined ? '' : maskLogin(current.value);
      return { ...done(masked, maskLogin(after)), formerAddresses: isMailbox ? [current.value] : [] };
    },
  };
}
