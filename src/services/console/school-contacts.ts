import { registrarSchoolCodesOf } from '../../domain/access/capacities.ts';
import { administersCity, schoolSettingCapacity } from '../../domain/access/policy.ts';
import { CONTACT_SUBJECTS, type SchoolContact } from '../../domain/school-contacts.ts';
import type { Store } from '../../store/database/index.ts';
import { listSchoolContacts, replaceSchoolContacts } from '../../store/people/school-contacts.ts';
import { findOpenSchoolForUpdate, listRegisterSchools } from '../../store/people/schools.ts';
import type { Audit } from '../audit/audit.ts';
import { loadContacts, type SchoolWithContacts } from '../people/school-contacts.ts';
import type { Authorization, StaffActor } from './authorization.ts';
import type { BureauWrite } from './bureau-write.ts';

/** `changed_meanwhile`: a colleague changed the contacts after the form was shown. Nothing was done. */
type ContactsResult = { kind: 'done' } | { kind: 'denied' } | { kind: 'changed_meanwhile' };

/** The desks that families call, for the registrar of a school and the bureau. */
export interface ConsoleSchoolContacts {
  /** Lists the open schools that the actor looks after, with their contacts. */
  list(actor: StaffActor): Promise<SchoolWithContacts[]>;
  /** Replaces the contacts of a school. @param shown the contacts that the form was shown for */
  replace(
    request: BureauWrite,
    change: { schoolCode: string; shown: readonly SchoolContact[]; contacts: readonly SchoolContact[] },
  ): Promise<ContactsResult>;
}

interface Deps {
  store: Store;
  audit: Audit;
  authorization: Authorization;
}

export function createConsoleSchoolContacts({ store, audit, authorization }: Deps): ConsoleSchoolContacts {
  return {
    list: (actor) =>
      store.read(async (tx) => {
        const codes = administersCity(actor) ? undefined : registrarSchoolCodesOf(actor.capacities);
        return loadContacts(tx, await listRegisterSchools(tx, codes));
      }),
    replace: ({ actorId, reason, address }, { schoolCode, shown, contacts }) =>
      store.write(async (tx) => {
        const actor = await authorization.findActorIn(tx, actorId);
        const capacity = actor && schoolSettingCapacity(actor, schoolCode);
        if (capacity === undefined) return { kind: 'denied' };
        if ((await findOpenSchoolForUpdate(tx, schoolCode)) === undefined) return { kind: 'denied' };
        const stored = await listSchoolContacts(tx, [schoolCode]);
        if (describeContacts(stored) !== describeContacts(shown)) return { kind: 'changed_meanwhile' };
        await replaceSchoolContacts(tx, schoolCode, contacts);
        const [before, after] = [describeContacts(stored), describeContacts(contacts)];
        const detail = { capacity, school: schoolCode, reason, before, after };
        await audit.append(tx, { event: 'school_contacts.changed', outcome: 'ok', actorId, address, detail });
        return { kind: 'done' };
      }),
  };
}

/** Returns all contacts as one text, for a comparison and for the audit log. */
function describeContacts(contacts: readonly SchoolContact[]): string {
  return CONTACT_SUBJECTS.flatMap((subject) => contacts.filter((one) => one.subject === subject))
    .map(({ subject, desk, deskEn, phone, extension }) => `${subject}: ${[desk, deskEn, phone, extension].join(' / ')}`)
    .join('; ');
}
