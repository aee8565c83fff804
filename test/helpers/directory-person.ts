import type { DirectoryPerson } from '../../src/services/directory/directory.ts';

/** Returns a person of the directory without roles. */
export function directoryPerson(id: string, name = id): DirectoryPerson {
  const facts = {
    ...{ id, name, locale: undefined, isLocaleChosen: false, isActive: true, isSchoolAccount: false },
    ...{ isSharingStopped: false, createdAt: 0, updatedAt: 0 },
    ...{ identifiers: [], memberships: [], enrollments: [], children: [] },
  };
  return { facts, handle: id, subject: id, entryUuid: id, uidNumber: undefined, today: '2026-11-27' };
}
