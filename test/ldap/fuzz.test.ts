/** `npm run fuzz:ldap -- --pdus 1000000` sends more, and prints the latency of the other client. */
import assert from 'node:assert/strict';
import { it } from 'node:test';

import { directoryClient, startDirectory } from '../helpers/directory.ts';
import { fuzzDirectory } from '../helpers/ldap-fuzz.ts';

const PDUS = 20_000;

it('ends the connections of 20,000 broken messages, and serves another client meanwhile', async (t) => {
  const directory = await startDirectory({ clients: [directoryClient('radius')] });
  t.after(() => directory.stop());
  const seed = Date.now();
  t.diagnostic(`seed ${seed}`);
  const { sent, disconnections } = await fuzzDirectory(directory, { pdus: PDUS, seed });
  assert.ok(sent >= PDUS && disconnections > PDUS / 10, `${sent} messages, ${disconnections} notices`);
});
