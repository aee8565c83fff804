/** `npm run fuzz:ldap -- --pdus 1000000` sends more, all over the network, and prints the latency of the other client. */
import assert from 'node:assert/strict';
import { it } from 'node:test';

import { directoryClient, startDirectory } from '../helpers/directory.ts';
import { fuzzConnections, fuzzDirectory } from '../helpers/ldap-fuzz.ts';

/** Messages without TCP, and over TCP and TLS: together 20,000. */
const FED_PDUS = 18_000;
const NETWORK_PDUS = 2_000;

it('ends the connections of 20,000 broken messages, and serves another client meanwhile', async (t) => {
  const directory = await startDirectory({ clients: [directoryClient('radius')] });
  t.after(() => directory.stop());
  const seed = Date.now();
  t.diagnostic(`seed ${seed}`);
  const fed = await fuzzConnections(directory, { pdus: FED_PDUS, seed });
  const overNetwork = await fuzzDirectory(directory, { pdus: NETWORK_PDUS, seed: seed + 1 });
  for (const [wanted, { sent, disconnections }] of [
    [FED_PDUS, fed],
    [NETWORK_PDUS, overNetwork],
  ] as const) {
    assert.ok(sent >= wanted && disconnections > 0, `${sent} messages, ${disconnections} notices`);
  }
});
