import { localDate, type Clock } from '../../domain/clock.ts';
import type { Secrets } from '../../platform/crypto/secrets.ts';
import type { Store, Transaction } from '../../store/database/index.ts';
import * as ends from '../../store/people/guardianship-ends.ts';
import { findGuardianship, type GuardianshipRow } from '../../store/people/guardianships.ts';
import * as people from '../../store/people/people.ts';
import type { Audit } from '../audit/audit.ts';
import { mailGuardianshipNotice } from '../notifications/guardianship-notice.ts';
import type { Outbox } from '../notifications/outbox.ts';
import { mailRegistrars } from '../notifications/registrars.ts';
import { countRepeatedChange } from './repeated-change-limit.ts';

/** A guardianship as its guardian sees it before asking to end it. */
export interface EndableGuardianship {
  studentName: string;
  /** ms since 1970; undefined if the guardian has not asked to end it. */
  requestedAt: number | undefined;
}

interface OwnGuardianship {
  guardianId: string;
  guardianshipId: string;
}

/** Requests of guardians to end their own guardianship. The school decides. */
export interface GuardianshipEnds {
  /** @returns undefined if the guardian sees no such child */
  find(own: OwnGuardianship): Promise<EndableGuardianship | undefined>;
  /** Asks to end a guardianship and mails the registrars. A repeated submission changes nothing. */
  request(request: OwnGuardianship & { reason: string; address: string }): Promise<boolean>;
  withdraw(request: OwnGuardianship & { address: string }): Promise<boolean>;
}

interface Deps {
  store: Store;
  clock: Clock;
  secrets: Pick<Secrets, 'seal'>;
  audit: Pick<Audit, 'append'>;
  outbox: Outbox;
  issuer: string;
}

export function createGuardianshipEnds(deps: Deps): GuardianshipEnds {
  const { store, clock, secrets } = deps;
  return {
    find: (own) =>
      store.read(async (tx) => {
        const row = await findOwn(tx, own);
        if (row === undefined) return undefined;
        const names = await people.listNames(tx, [row.studentId]);
        return { studentName: names.get(row.studentId) ?? '', requestedAt: row.endRequestedAt ?? undefined };
      }),
    request: ({ reason, address, ...own }) =>
      store.write(async (tx) => {
        await people.lockPerson(tx, own.guardianId);
        const row = await findOwn(tx, own);
        if (row === undefined) return false;
        if (!(await ends.requestEnd(tx, row.id, secrets.seal('end-request', row.id, reason), clock.now()))) return true;
        await countRepeatedChange(tx, 'end-request', own.guardianId, clock.now());
        const about = { to: row.guardianId, about: row.studentId };
        await mailGuardianshipNotice(tx, deps, { ...about, kind: 'end_requested' });
        const facts = await people.loadPersonFacts(tx, row.studentId, localDate(clock.now()));
        const schools = facts?.enrollments.map(({ school }) => school.code) ?? [];
        await mailRegistrars(tx, deps, schools, 'end_request');
        await append(tx, deps, row, 'guardianship.end_requested', address);
        return true;
      }),
    withdraw: ({ address, ...own }) =>
      store.write(async (tx) => {
        await people.lockPerson(tx, own.guardianId);
        const row = await findOwn(tx, own);
        if (row === undefined) return false;
        if (await ends.clearEndRequest(tx, row.id)) await append(tx, deps, row, 'guardianship.end_withdrawn', address);
        return true;
      }),
  };
}

/** A suspended guardianship is not shown to the guardian, as on the account page. */
async function findOwn(tx: Transaction, own: OwnGuardianship): Promise<GuardianshipRow | undefined> {
  const row = await findGuardianship(tx, own.guardianshipId);
  return row?.guardianId === own.guardianId && row.state === 'active' ? row : undefined;
}

async function append(
  tx: Transaction,
  { audit }: Deps,
  { id, guardianId, studentId }: GuardianshipRow,
  event: string,
  address: string,
): Promise<void> {
  const detail = { guardianship: id, student: studentId };
  await audit.append(tx, { event, outcome: 'ok', actorId: guardianId, subjectId: guardianId, address, detail });
}
