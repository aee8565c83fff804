/** Second factors while all factors of their person are removed: the session of a thief adds none afterwards. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { removeAllFactors } from '../../src/services/console/second-factor-effect.ts';
import type { SecondFactors } from '../../src/services/authentication/second-factors.ts';
import type { Store } from '../../src/store/database/index.ts';
import { openParallelStore, type ParallelStore } from '../helpers/parallel-transactions.ts';
import { createTestServices, type TestServices } from '../helpers/services.ts';
import { storeSession } from '../helpers/stored-sessions.ts';
import { totpCode } from '../helpers/totp.ts';
import { family } from './family.ts';

const PERSON = 'teacher';

describe('second factors during a removal (postgres)', () => {
  let parallel: ParallelStore;
  let store: Store;
  let services: TestServices;
  before(async () => {
    parallel = await openParallelStore();
    ({ store } = parallel);
    await store.write(family);
    services = createTestServices(store);
  });
  after(() => store.close());

  const confirm = async (): Promise<string> => {
    const { secret, setup } = services.secondFactors.startTotp(PERSON);
    const code = totpCode(secret, services.clock.now());
    const checked = await services.secondFactors.checkTotp({ personId: PERSON, setup, code });
    assert.ok(checked.kind === 'correct');
    return checked.setup;
  };
  const add = (setup: string, isFirst: boolean): ReturnType<SecondFactors['add']> =>
    services.secondFactors.add({
      ...{ personId: PERSON, address: '203.0.113.7', name: 'phone', setup },
      ...{ sessionHash: 'thief', isFirst },
    });

  it('are not added by a session that the removal ends', async () => {
    await storeSession(services, { personId: PERSON, sessionHash: 'thief' });
    assert.equal((await add(await confirm(), true)).kind, 'added');
    const setup = await confirm();
    const { result } = await parallel.whileLocked(
      (tx) => removeAllFactors(tx, services.revocation, PERSON),
      () => parallel.startBlocked(() => add(setup, false)),
    );
    assert.deepEqual(await result, { kind: 'expired' });
    assert.deepEqual((await services.secondFactors.list(PERSON)).factors, []);
  });
});
