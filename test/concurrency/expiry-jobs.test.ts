/** Two nodes run the job of expired guardianships and of students who come of age at the same moment. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { eq, inArray } from 'drizzle-orm';
import { localDate } from '../../src/domain/clock.ts';
import { DAY_MS } from '../../src/domain/duration.ts';
import { birthDateColumns } from '../../src/services/people/adult-days.ts';
import { lockPerson } from '../../src/store/people/people.ts';
import { LOGIN } from '../helpers/authorization-flow.ts';
import { personId } from '../helpers/city.ts';
import { mailsTo } from '../helpers/mail.ts';
import { pollUntil } from '../helpers/poll.ts';
import { useNodesWithMail } from './nodes-with-mail.ts';

/** Mails to G1 and G2 about both children, and to G5 before the birthday of S6. */
const MAILS = [2, 2, 1];

describe('the expiry jobs of two nodes on PostgreSQL', () => {
  const on = useNodesWithMail();

  /** The guardianships of S1 wait for the consent of the adult student, those of S2 have ended, and S6 gets the notice. */
  const makeDue = async (): Promise<void> => {
    const { store, secrets } = on.database.container;
    const born = (key: 'S1' | 'S6', inDays: number) => {
      const [year = '', ...day] = localDate(Date.now() + inDays * DAY_MS).split('-');
      const birthDate = [String(Number(year) - 18), ...day].join('-');
      return { ...birthDateColumns(secrets, personId(key), birthDate, '2000-01-01'), adultNoticeAt: null };
    };
    await store.write(async ({ db, tables: { persons, guardianships } }) => {
      const ended = { validTo: localDate(Date.now() - DAY_MS) };
      await db
        .update(guardianships)
        .set(ended)
        .where(eq(guardianships.studentId, personId('S2')));
      for (const [key, inDays] of [
        ['S1', 0],
        ['S6', 20],
      ] as const) {
        await db
          .update(persons)
          .set(born(key, inDays))
          .where(eq(persons.id, personId(key)));
      }
    });
  };

  /** Locks a person until the returned function is called. */
  const hold = async (key: 'G1' | 'S1' | 'S6'): Promise<() => Promise<void>> => {
    const [locked, released] = [Promise.withResolvers<undefined>(), Promise.withResolvers<undefined>()];
    const holder = on.database.container.store.write(async (tx) => {
      await lockPerson(tx, personId(key));
      locked.resolve(undefined);
      await released.promise;
    });
    await locked.promise;
    return async () => {
      released.resolve(undefined);
      await holder;
    };
  };
  /** Counts the transactions that wait for a lock. */
  const countWaiting = async (): Promise<number> => {
    const waiting = `select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`;
    const [row] = await on.database.container.store.read((tx) => tx.execute(waiting, []));
    return Number(row?.[0]);
  };

  it('change each guardianship once, with one audit entry and one mail for each person', async () => {
    const { store } = on.database.container;
    await Promise.all([on.nodes.stopNode(0), on.nodes.stopNode(1)]);
    await makeDue();
    const releases = [await hold('G1'), await hold('S1'), await hold('S6')];
    // The first run of the job is at the start. Each person is released when both jobs wait for it.
    await Promise.all([on.nodes.start(0), on.nodes.start(1)]);
    for (const release of releases) {
      await pollUntil('both jobs', async () => ((await countWaiting()) >= 2 ? true : undefined));
      await release();
    }
    const rows = await store.read(({ db, tables: { guardianships } }) =>
      db
        .select()
        .from(guardianships)
        .where(inArray(guardianships.studentId, [personId('S1'), personId('S2')])),
    );
    const expected = rows.map(({ id, studentId }) =>
      studentId === personId('S1') ? `guardianship.suspended ${id}` : `guardianship.expired ${id}`,
    );
    const listChanges = async (): Promise<string[]> =>
      (await store.read(({ db, tables: { audit } }) => db.select().from(audit)))
        .filter(({ event }) => ['guardianship.expired', 'guardianship.suspended'].includes(event))
        .map(({ event, detail }) => `${event} ${String(detail['guardianship'])}`);
    const subjects = [LOGIN.G1, LOGIN.G2, LOGIN.G5].map((login) => () => mailsTo(on.mail, login, '').length);
    const countMails = (): number[] => subjects.map((count) => count());
    await pollUntil('each mail', () =>
      countMails().every((count, at) => count >= (MAILS[at] ?? 0)) ? true : undefined,
    );
    // A node stops after the run of its job.
    await Promise.all([on.nodes.stopNode(0), on.nodes.stopNode(1)]);
    assert.equal(expected.length, 4);
    assert.deepEqual((await listChanges()).sort(), expected.sort());
    assert.deepEqual(countMails(), MAILS);
    const waiting = await store.read(({ db, tables: { outbox } }) => db.select().from(outbox));
    assert.deepEqual(
      waiting.filter(({ doneAt, deadAt }) => doneAt === null && deadAt === null),
      [],
    );
  });
});
