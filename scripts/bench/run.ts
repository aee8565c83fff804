/**
 * Measures the service against a baseline in the same run and prints ratios. The service, the baseline and the load driver share the
 * cores, so compare ratios between machines, not absolute numbers.
 *
 *   npm run bench                 about three minutes
 *   npm run bench -- --million    also compares 1,000,000 with 1,000 people
 *   npm run bench -- --ldap       only the directory, against slapd with the same 500,000 people
 *   npm run bench -- --ldap --people 5000
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { freePort } from '../../test/helpers/ports.ts';
import { measureConsole } from './console-pages.ts';
import { compareDatabases } from './database-comparison.ts';
import { runRefreshes } from './flows.ts';
import { compareWithSlapd } from './directory.ts';
import {
  WORKERS,
  open,
  compareRates,
  measureVerifications,
  print,
  SECONDS,
  signInRate,
  tokensFor,
  type BenchHarness,
} from './harness.ts';
import { call, runWorkers, type Measured } from './load-driver.ts';
import { makeCity, remove, startBaseline } from './service.ts';
import { runSignInSpike } from './sign-in-spike.ts';

/** Grants to refresh. With 60 refreshes each they last for 1,600 refreshes per second in all rounds. */
const REFRESHED_GRANTS = 320;

async function measureRefreshes(issuer: string, refreshTokens: string[]): Promise<Measured> {
  const measured = await runRefreshes(issuer, refreshTokens, WORKERS, SECONDS);
  if (measured.failed > 0) throw new Error(`${measured.failed} refreshes failed`);
  return measured;
}

async function measureReads(url: string, access?: readonly string[]): Promise<Measured> {
  return runWorkers(WORKERS, SECONDS, async (worker) => {
    const headers = access === undefined ? {} : { authorization: `Bearer ${access[worker] ?? ''}` };
    return (await call(url, { headers })).status === 200;
  });
}

async function compareWithBaseline(service: BenchHarness): Promise<void> {
  const port = await freePort();
  const bare = await startBaseline(port, WORKERS);
  const issuer = `http://localhost:${port}`;
  const tokens = await tokensFor(service, WORKERS);
  // UserInfo first: the baseline stores at most a thousand records, and refreshing evicts the first tokens.
  const userinfo = await compareRates(
    () =>
      measureReads(
        `${service.issuer}/me`,
        tokens.map((one) => one.access_token),
      ),
    () =>
      measureReads(
        `${issuer}/me`,
        bare.tokens.map((one) => one.access),
      ),
  );
  print('UserInfo with roles and children.profile', 'oidc-provider in memory', userinfo.toFixed(2), '≥ 0.8');
  const path = '/.well-known/openid-configuration';
  const discovery = await compareRates(
    () => measureReads(service.issuer + path),
    () => measureReads(issuer + path),
  );
  print('discovery', 'oidc-provider in memory', discovery.toFixed(2), '≥ 0.95');
  const ours = (await tokensFor(service, REFRESHED_GRANTS)).map((one) => one.refresh_token);
  const theirs = bare.tokens.map((one) => one.refresh);
  const refreshRatio = await compareRates(
    () => measureRefreshes(service.issuer, ours),
    () => measureRefreshes(issuer, theirs),
  );
  print('refresh, stored on disk', 'oidc-provider in memory', refreshRatio.toFixed(2), '≥ 0.9');
  await bare.stop();
}

function readMasterKey(folder: string): Buffer {
  return Buffer.from(readFileSync(join(folder, 'key'), 'utf8'), 'base64');
}

async function compareSizes(): Promise<void> {
  const [small, large] = [await makeCity(1_000), await makeCity(1_000_000)];
  print('loading 1,000,000 people', '', `${large.rowsPerSecond.toFixed(0)} rows/s`, '');
  print('  peak memory while loading', '', `${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MB`, '');
  const a = await open(large);
  const b = await open(small);
  const signIns = await compareRates(
    () => signInRate(b),
    () => signInRate(a),
  );
  print('sign-in time with 1,000,000 people', '1,000 people', signIns.toFixed(2), '≤ 1.1');
  const [manyTokens, fewTokens] = [await tokensFor(a, WORKERS), await tokensFor(b, WORKERS)];
  const reads = await compareRates(
    () =>
      measureReads(
        `${b.issuer}/me`,
        fewTokens.map((one) => one.access_token),
      ),
    () =>
      measureReads(
        `${a.issuer}/me`,
        manyTokens.map((one) => one.access_token),
      ),
  );
  print('UserInfo time with 1,000,000 people', '1,000 people', reads.toFixed(2), '≤ 1.1');
  await b.stop();
  await measureConsole(readMasterKey(large.folder), { file: join(large.folder, 'kinpass.sqlite') }, a.issuer);
  await a.stop();
  remove(small.folder);
  remove(large.folder);
}

async function compareAll(): Promise<void> {
  const city = await makeCity(3_000);
  const service = await open(city);
  try {
    print('time until ready', '', `${service.readyMs.toFixed(0)} ms`, '< 1500 ms');
    let capacity = 0;
    const signIns = await compareRates(async () => {
      const measured = await signInRate(service);
      capacity = Math.max(capacity, measured.rate);
      return measured;
    }, measureVerifications);
    print('complete sign-in', 'argon2id verifications only', signIns.toFixed(2), '≥ 0.85');
    await compareWithBaseline(service);
    await runSignInSpike(service, capacity);
    print('memory of the service under load', '', `${service.usage().megabytes.toFixed(0)} MB`, '< 300 MB');
  } finally {
    await service.stop();
    remove(city.folder);
  }
  await compareDatabases();
}

const { values } = parseArgs({
  options: {
    million: { type: 'boolean', default: false },
    ldap: { type: 'boolean', default: false },
    people: { type: 'string', default: '500000' },
  },
});
if (values.ldap) await compareWithSlapd(Number(values.people));
else {
  await compareAll();
  if (values.million) await compareSizes();
}
