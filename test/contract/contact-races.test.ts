/** Own contacts while a password change ends the session: a request of a thief that waits for it changes nothing. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';

import { systemRandom } from '../../src/domain/random.ts';
import { createContacts, type Contacts } from '../../src/services/people/contacts.ts';
import { lockPerson, listIdentifiers } from '../../src/store/people/people.ts';
import { listPendingContacts } from '../../src/store/people/contacts.ts';
import { openParallelStore, type ParallelStore } from '../helpers/parallel-transactions.ts';
import { createTestServices, TEST_ISSUER, type TestServices } from '../helpers/services.ts';
import { storeSession } from '../helpers/stored-sessions.ts';
import { family } from './family.ts';

const PERSON = 'father';

describe('own contacts during a password change (postgres)', () => {
  let parallel: ParallelStore;
  let services: TestServices;
  let contacts: Contacts;
  let round = 0;
  before(async () => {
    parallel = await openParallelStore();
    await parallel.store.write(family);
    services = createTestServices(parallel.store);
    contacts = createContacts({ ...services, random: systemRandom, issuer: TEST_ISSUER });
  });
  after(() => parallel.store.close());
  beforeEach(async () => {
    round += 1;
    await storeSession(services, ofThief());
    await services.takeJobs();
  });

  const ofThief = () => ({ personId: PERSON, sessionHash: `thief ${String(round)}` });
  const change = (value: string) => ({ ...ofThief(), value, address: '203.0.113.7', lang: 'en' });
  const requestToken = async (value: string): Promise<string> => {
    assert.deepEqual(await contacts.requestEmail(change(value)), { kind: 'sent' });
    const [job] = await services.takeJobs();
    assert.ok(job?.kind === 'mail');
    return /token=([\w-]+)/.exec(JSON.stringify(job.locals))?.[1] ?? '';
  };
  const listContacts = (): Promise<unknown> =>
    parallel.store.read(async (tx) => [await listIdentifiers(tx, PERSON), await listPendingContacts(tx, PERSON)]);
  /** Starts a request that waits while another session changes the password. */
  const duringPasswordChange = async <T>(request: () => Promise<T>): Promise<T> => {
    const { result } = await parallel.whileLocked(
      async (tx) => {
        await lockPerson(tx, PERSON);
        await services.passwords.onPasswordSet(tx, PERSON, undefined);
      },
      () => parallel.startBlocked(request),
    );
    return result;
  };

  it('have no new email address, with which the thief could reset the new password', async () => {
    const token = await requestToken('thief@mail.example');
    const known = await listContacts();
    const confirm = () => contacts.confirmEmail({ ...ofThief(), token, address: '203.0.113.7' });
    assert.equal(await duringPasswordChange(confirm), 'expired');
    assert.deepEqual(await listContacts(), known);
  });

  it('have no requested, changed or removed login', async () => {
    const requests: (() => Promise<{ kind: string }>)[] = [
      () => contacts.requestEmail(change('other@mail.example')),
      () => contacts.requestMobile(change('+886911000009')),
      () => contacts.changeAccountName(change('thief.name')),
      () => contacts.removeLogin({ ...ofThief(), kind: 'mobile', address: '203.0.113.7' }),
    ];
    const known = await listContacts();
    for (const request of requests) {
      round += 1;
      await storeSession(services, ofThief());
      assert.deepEqual(await duringPasswordChange(request), { kind: 'unchanged' });
    }
    assert.deepEqual(await listContacts(), known);
  });
});
