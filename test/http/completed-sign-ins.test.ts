/** The limit of completed sign-ins of one person. */
import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';

import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import { COMPLETED_SIGN_IN_POLICY } from '../../src/domain/throttling/throttle.ts';
import { LOGIN } from '../helpers/authorization-flow.ts';
import { countFailures, personId, signInToAccount } from '../helpers/city.ts';
import { freezeTime, MINUTE, type FrozenTime } from '../helpers/frozen-time.ts';
import { alertOf, type Answer } from '../helpers/http-browser.ts';
import { eachService } from '../helpers/service-matrix.ts';

eachService(
  'completed sign-ins of one person',
  () => ({ clients: [] }),
  (running) => {
    let time: FrozenTime;
    before(() => {
      time = freezeTime();
    });
    after(() => {
      time.release();
    });
    const signIn = async (key: 'G2' | 'T2', password = DEMO_PASSWORD): Promise<Answer> =>
      (await signInToAccount(running(), LOGIN[key], password)).answer;
    const countSessions = async (): Promise<number> => {
      const rows = await running().container.store.read((tx) => tx.db.select().from(tx.tables.sessions));
      return rows.filter((row) => row.personId === personId('G2')).length;
    };

    it('answers 429 after 60 sign-ins, stores no session, and continues after a minute', async () => {
      for (let count = 0; count < COMPLETED_SIGN_IN_POLICY.capacity; count += 1) {
        assert.equal((await signIn('G2')).status, 200);
      }
      const refused = await signIn('G2');
      assert.equal(refused.status, 429);
      assert.equal(refused.headers.get('retry-after'), '60');
      assert.match(alertOf(refused.body), /嘗試次數過多，請於 .+ 後再試/);
      assert.equal(await countSessions(), COMPLETED_SIGN_IN_POLICY.capacity);
      assert.equal(await countFailures(running(), 'G2'), 0);
      assert.equal((await signIn('G2', 'not the password')).status, 422, 'a wrong password gets its own answer');
      assert.equal((await signIn('T2')).status, 200, 'another person signs in');
      time.advance(MINUTE);
      assert.equal((await signIn('G2')).status, 200);
    });
  },
);
