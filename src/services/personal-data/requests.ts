import {
  MAX_RECENT_REQUESTS,
  SUBJECT_REQUEST_PERIOD_MS,
  type SubjectRequestKind,
} from '../../domain/binding/subject-requests.ts';
import { localDate, type Clock } from '../../domain/clock.ts';
import type { Random } from '../../domain/random.ts';
import type { Secrets } from '../../platform/crypto/secrets.ts';
import type { Store, Transaction } from '../../store/database/index.ts';
import { updateSharing } from '../../store/personal-data/erasure.ts';
import * as requests from '../../store/personal-data/requests.ts';
import * as people from '../../store/people/people.ts';
import type { Audit } from '../audit/audit.ts';
import type { Outbox } from '../notifications/outbox.ts';
import type { MailOrigin } from '../notifications/verified-addresses.ts';
import { mailDeciders } from '../notifications/registrars.ts';
import { findDecidingSchool, followSchools } from './request-schools.ts';
import { remindDue } from './request-reminders.ts';
import { openRequestPayload, sealRequestPayload, type RequestPayload } from './request-payload.ts';
import { mailAboutRequest } from './request-mail.ts';

/** A request as its person sees it. */
export type OwnRequest = requests.SubjectRequestRow & RequestPayload & { reason: string };

interface NewRequest extends RequestPayload, Pick<MailOrigin, 'lang'> {
  personId: string;
  kind: SubjectRequestKind;
  address: string;
}

export type CreateRequestResult =
  | { kind: 'created'; id: string }
  /** The person has an open request of this kind. */
  | { kind: 'open'; id: string }
  | { kind: 'too_many' };

/** The requests of people about their own data: correction, stop of processing, deletion. The school decides. */
export interface SubjectRequests {
  create(request: NewRequest): Promise<CreateRequestResult>;
  /** @returns undefined if the person has no such request */
  find(personId: string, id: string): Promise<OwnRequest | undefined>;
  list(personId: string): Promise<OwnRequest[]>;
  /** @returns false if the person has no such open request */
  withdraw(personId: string, id: string, address: string): Promise<boolean>;
  /** Mails those who decide about up to `limit` requests whose period ends soon, once for each period. @returns their number */
  remindDue(limit: number): Promise<number>;
  /** Gives open requests of people who have changed schools to those who decide now. @returns their number */
  followSchools(): Promise<number>;
  /** Ends the stop of processing. @returns false if there is none */
  resumeSharing(personId: string, address: string): Promise<boolean>;
}

interface Deps {
  store: Store;
  clock: Clock;
  random: Random;
  secrets: Secrets;
  audit: Audit;
  outbox: Outbox;
  issuer: string;
}

export function createSubjectRequests(deps: Deps): SubjectRequests {
  const { store, secrets, audit, clock } = deps;
  const open = (row: requests.SubjectRequestRow): OwnRequest => ({ ...row, ...openRequestPayload(secrets, row) });
  return {
    create: (request) => store.write((tx) => createIn(tx, deps, request)),
    find: async (personId, id) => {
      const row = await store.read((tx) => requests.findSubjectRequest(tx, id));
      return row?.personId === personId ? open(row) : undefined;
    },
    list: async (personId) => (await store.read((tx) => requests.listRequestsOf(tx, personId))).map(open),
    withdraw: (personId, id, address) =>
      store.write(async (tx) => {
        await people.lockPerson(tx, personId);
        const row = await requests.findSubjectRequest(tx, id);
        if (row?.personId !== personId) return false;
        if (!(await requests.updateOpenRequest(tx, row, { state: 'withdrawn', decidedAt: clock.now() }))) return false;
        const about = { actorId: personId, subjectId: personId, address, detail: { request: id, kind: row.kind } };
        await audit.append(tx, { event: 'subject_request.withdrawn', outcome: 'ok', ...about });
        return true;
      }),
    remindDue: (limit) => remindDue(deps, limit),
    followSchools: () => followSchools(deps),
    resumeSharing: (personId, address) =>
      store.write(async (tx) => {
        await people.lockPerson(tx, personId);
        if (((await people.findPerson(tx, personId))?.sharingStoppedAt ?? null) === null) return false;
        await updateSharing(tx, personId, null, clock.now());
        const about = { actorId: personId, subjectId: personId, address };
        await audit.append(tx, { event: 'personal_data.sharing_resumed', outcome: 'ok', ...about });
        return true;
      }),
  };
}

async function createIn(tx: Transaction, deps: Deps, request: NewRequest): Promise<CreateRequestResult> {
  const { clock, random, secrets, audit } = deps;
  const { personId, kind, address, lang } = request;
  const now = clock.now();
  await people.lockPerson(tx, personId);
  const earlier = await requests.listRequestsOf(tx, personId);
  const openRequest = earlier.find((one) => one.kind === kind && one.state === 'open');
  if (openRequest !== undefined) return { kind: 'open', id: openRequest.id };
  const recent = earlier.filter(({ createdAt }) => createdAt > now - SUBJECT_REQUEST_PERIOD_MS);
  if (recent.length >= MAX_RECENT_REQUESTS) return { kind: 'too_many' };
  const id = random.uuid();
  const schoolCode = await findDecidingSchool(tx, request, localDate(now));
  const dueAt = now + SUBJECT_REQUEST_PERIOD_MS;
  const payloadSealed = sealRequestPayload(secrets, id, request);
  await requests.insertSubjectRequest(tx, {
    ...{ id, kind, personId, schoolCode, payloadSealed, state: 'open', createdAt: now, dueAt },
  });
  await mailAboutRequest(tx, deps, { id, personId, kind, dueAt }, { result: 'received', reason: '', lang });
  await mailDeciders(tx, deps, { schoolCode, personId }, 'subject_request');
  const detail = { request: id, kind, school: schoolCode ?? '' };
  const event = { event: 'subject_request.created', outcome: 'ok' as const, detail };
  await audit.append(tx, { ...event, actorId: personId, subjectId: personId, address });
  return { kind: 'created', id };
}
