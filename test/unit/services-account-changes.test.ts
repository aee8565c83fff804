/** The list of account changes that the account page shows until the person confirms them. */
import assert from 'node:assert/strict';
import { before, it } from 'node:test';
import { MINUTE_MS } from '../../src/domain/duration.ts';
import { createAccountChanges, type AccountChanges } from '../../src/services/people/account-changes.ts';
import { withFamily } from '../contract/family.ts';
import { createTestServices, type TestServices } from '../helpers/services.ts';
import { eachStore } from '../helpers/store.ts';

const ADDRESS = '192.0.2.1';

eachStore('unconfirmed changes of an account', (on) => {
  let services: TestServices;
  let changes: AccountChanges;
  withFamily(on);
  before(() => {
    services = createTestServices(on.store);
    changes = createAccountChanges(services);
  });

  const record = async (event: string, personId: string, actorId = personId): Promise<void> => {
    services.advance(MINUTE_MS);
    await services.audit.record({ event, outcome: 'ok', actorId, subjectId: personId, address: ADDRESS, detail: {} });
  };
  const signIn = (): number => {
    services.advance(MINUTE_MS);
    return services.clock.now();
  };
  /** Shows the changes to the person, who confirms them. */
  const confirmShown = async (personId: string, signedInAt: number): Promise<string[]> => {
    const shown = await changes.listUnseen(personId, signedInAt);
    await changes.confirmSeen({ personId, through: shown[0]?.seq ?? 0, address: ADDRESS });
    return shown.map(({ event }) => event);
  };

  it('cannot be hidden by more changes than the page shows', async () => {
    await record('second_factor.added', 'father');
    for (let at = 0; at < 11; at += 1) await record('recovery_codes.replaced', 'father');
    const signedInAt = signIn();
    const first = await confirmShown('father', signedInAt);
    assert.equal(first.length, 10);
    assert.equal(first.at(-1), 'second_factor.added');
    assert.deepEqual(await confirmShown('father', signedInAt), Array(2).fill('recovery_codes.replaced'));
    assert.deepEqual(await confirmShown('father', signedInAt), []);
  });

  it('stay unconfirmed if another session made them, also when staff change the account later', async () => {
    const signedInAt = signIn();
    await record('second_factor.added', 'teacher');
    await record('staff.undo_merge', 'teacher', 'desk');
    await confirmShown('teacher', signedInAt);
    assert.deepEqual(await confirmShown('teacher', signIn()), ['staff.undo_merge', 'second_factor.added']);
    assert.deepEqual(await confirmShown('teacher', signIn()), []);
  });
});
