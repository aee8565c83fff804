/**
 * Sends broken messages to the directory of a real service, over TLS and without, while another client measures its own latency.
 *
 *   npm run fuzz:ldap -- --pdus 1000000
 *   npm run fuzz:ldap -- --pdus 20000 --seed 7
 */
import { parseArgs } from 'node:util';
import { directoryClient, startDirectory } from '../test/helpers/directory.ts';
import { fuzzDirectory } from '../test/helpers/ldap-fuzz.ts';

const { values } = parseArgs({
  options: { pdus: { type: 'string', default: '20000' }, seed: { type: 'string', default: String(Date.now()) } },
});
const [pdus, seed] = [Number(values.pdus), Number(values.seed)];
process.stdout.write(`seed ${seed}\n`);
const directory = await startDirectory({ clients: [directoryClient('radius')] });
try {
  const report = await fuzzDirectory(directory, { pdus, seed });
  process.stdout.write(
    [
      `${report.sent} messages on ${report.connections} connections in ${report.seconds.toFixed(0)} s`,
      `${report.responses} responses, ${report.disconnections} notices of disconnection`,
      `latency of another client, median: ${report.quietMs.toFixed(2)} ms alone, ${report.busyMs.toFixed(2)} ms meanwhile\n`,
    ].join('\n'),
  );
} finally {
  await directory.stop();
}
