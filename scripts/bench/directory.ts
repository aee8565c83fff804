import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import { createPasswordHasher } from '../../src/platform/hashing/password-hasher.ts';
import { createTrustedCertificate } from '../../test/helpers/certificate.ts';
import { bindMessage } from '../../test/helpers/ldap-client.ts';
import { freePort } from '../../test/helpers/ports.ts';
import { compareRates, measureVerifications, open, print, SECONDS } from './harness.ts';
import {
  bindLdap,
  connectLdap,
  equality,
  readCookie,
  readEntry,
  searchMessage,
  type LdapConnection,
  type SearchOptions,
} from './ldap-driver.ts';
import { median, runWorkers, type Measured } from './load-driver.ts';
import { CLIENT, makeCity, remove, SECRET, type City, type Usage } from './service.ts';
import { assertSlapd, createLdif, startSlapd } from './slapd.ts';

const BASE = 'dc=city,dc=example';
const SERVICE = { name: `cn=${CLIENT},ou=services,${BASE}`, secret: SECRET };
/** The attributes that programs with an own list of people request. */
const ATTRIBUTES = ['uid', 'cn', 'mail', 'memberOf'];
const PEOPLE = equality('objectClass', 'inetOrgPerson');
const CONNECTIONS = 4;
/** Connections that bind at the same time, as devices do. With four, the hash threads wait for the load driver. */
const BINDING_CONNECTIONS = 16;
/** Requests of a connection at the same time. A page or a bind is alone on its connection. */
const PIPELINED = 4;
const PAGE = 500;
const IDLE_CONNECTIONS = 200;
/** Most different values of a condition. */
const MAX_SAMPLES = 10_000;

/** A directory to measure: the service or slapd. */
interface Server {
  port: number;
  usage(): Usage;
}

/** Values that the requests of a run have. */
interface Samples {
  /** Number of people in the directory. */
  people: number;
  logins: string[];
  /** Names of groups of a class. */
  classes: string[];
  /** Names of the entries of people with the demo password. */
  bindNames: string[];
}

/** Measures the directory with slapd in the same run, with the same people and requests, over plain LDAP on loopback. */
export async function compareWithSlapd(people: number): Promise<void> {
  assertSlapd();
  const certificate = createTrustedCertificate();
  const city = await makeCity(people);
  const port = await freePort();
  const service = await open(city, {
    env: {
      KINPASS_LDAP_PORT: String(port),
      KINPASS_LDAP_BASE: BASE,
      KINPASS_LDAP_TLS_CERT_FILE: certificate.certFile,
      KINPASS_LDAP_TLS_KEY_FILE: certificate.keyFile,
    },
  });
  try {
    const ours: Server = { port, usage: () => service.usage() };
    const { samples, file } = await copyPeople(port, city);
    print('people in both directories', '', String(samples.people), '');
    const slapd = await startSlapd({ folder: city.folder, base: BASE, service: SERVICE }, file);
    try {
      await compare(ours, slapd, samples);
    } finally {
      await slapd.stop();
    }
  } finally {
    await service.stop();
    remove(city.folder);
    certificate.remove();
  }
}

/** Reads all people from the service, and writes them for slapd. */
async function copyPeople(port: number, { folder, logins }: City): Promise<{ samples: Samples; file: string }> {
  const hasher = await createPasswordHasher({ memoryKib: 19_456, passes: 2, threads: 1, queueLimit: 1 });
  const ldif = await createLdif({ folder, base: BASE, service: SERVICE }, await hasher.hash(DEMO_PASSWORD));
  await hasher.close();
  const connection = await bindLdap(port, SERVICE.name, SERVICE.secret);
  const uids: string[] = [];
  const classes = new Set<string>();
  let people = 0;
  let cookie: Buffer = Buffer.alloc(0);
  do {
    const page: Buffer[] = [];
    const request = searchMessage({ base: BASE, filter: PEOPLE, attributes: ['*'], page: { size: PAGE, cookie } });
    const { code, message } = await connection.request(request, (entry) => page.push(Buffer.from(entry)));
    if (code !== 0) throw new Error(`the search of all people failed with result ${code}`);
    for (const entry of page.map(readEntry)) {
      people += 1;
      uids.push(...(entry.attributes.get('uid') ?? []).slice(0, 1));
      for (const group of entry.attributes.get('memberOf') ?? []) if (group.includes('-class-')) classes.add(group);
      await ldif.add(entry);
    }
    cookie = readCookie(message);
  } while (cookie.length > 0);
  await ldif.finish();
  const bindNames = await Promise.all(logins.slice(0, 50).map((login) => findName(connection, login)));
  connection.close();
  // The order of people is random, so every n-th is a sample.
  const step = Math.ceil(uids.length / MAX_SAMPLES);
  const sampled = uids.filter((_, at) => at % step === 0);
  return { samples: { people, logins: sampled, classes: [...classes], bindNames }, file: ldif.file };
}

async function findName(connection: LdapConnection, login: string): Promise<string> {
  let name: string | undefined;
  const request = searchMessage({ base: BASE, filter: equality('uid', login), attributes: ['1.1'] });
  await connection.request(request, (entry) => {
    ({ name } = readEntry(entry));
  });
  if (name === undefined) throw new Error('the directory does not have the person of a login');
  return name;
}

async function compare(ours: Server, slapd: Server, samples: Samples): Promise<void> {
  const uids = samples.logins.map((login) => search(equality('uid', login)));
  const classes = samples.classes.map((group) => search(equality('memberOf', group)));
  await assertSameEntries([ours, slapd], [...uids.slice(0, 10), ...classes.slice(0, 10)]);
  const both = [ours, slapd] as const;
  const aims = { target: '≥ 0.5', timeTarget: 'p95 < 10 ms' };
  await printComparison('search by uid', both, (server) => measureSearches(server, uids), aims);
  await printComparison('search by memberOf, a class', both, (server) => measureSearches(server, classes));
  for (const [name, attributes] of [
    [ATTRIBUTES.join(', '), ATTRIBUTES],
    ['all attributes', ['*']],
  ] as const) {
    const measure = (server: Server): Promise<Measured> => measurePages(server, attributes);
    await printComparison(`page of ${PAGE}, ${name}`, both, measure, { target: '≥ 0.3' });
  }
  const bind = (server: Server): Promise<Measured> => measureBinds(server, samples.bindNames);
  await printComparison('bind of a person, argon2id in both', both, bind);
  const raw = await compareRates(() => bind(ours), measureVerifications);
  print('bind of a person', 'argon2id verifications only', raw.toFixed(2), '≥ 0.8');
  await printMemory(ours, slapd, uids);
}

/** @throws {Error} when a search finds different numbers of people */
async function assertSameEntries(servers: Both<Server>, requests: readonly Buffer[]): Promise<void> {
  const counts = await Promise.all(
    servers.map(async ({ port }) => {
      const connection = await bindLdap(port, SERVICE.name, SERVICE.secret);
      const replies = await Promise.all(requests.map((request) => connection.request(request)));
      connection.close();
      return replies.map(({ entries }) => entries).join();
    }),
  );
  if (counts[0] !== counts[1])
    throw new Error(`searches find ${counts[0] ?? ''} people, and ${counts[1] ?? ''} in slapd`);
}

function search(filter: SearchOptions['filter']): Buffer {
  return searchMessage({ base: BASE, filter, attributes: ATTRIBUTES });
}

type Both<T> = readonly [ours: T, slapd: T];

/** A round, with the CPU time of the server for one request and of the load driver for one second. */
interface Round extends Measured {
  cpuMs: number;
  driverCores: number;
}

/** Prints the ratio of the rates, and rates, times and CPU time of each. */
async function printComparison(
  work: string,
  [ours, slapd]: Both<Server>,
  measure: (server: Server) => Promise<Measured>,
  { target = '', timeTarget = '' } = {},
): Promise<void> {
  const rounds: Record<'ours' | 'slapd', Round[]> = { ours: [], slapd: [] };
  const run = async (server: Server, all: Round[]): Promise<Measured> => {
    const round = await measureRound(server, measure);
    all.push(round);
    return round;
  };
  const ratio = await compareRates(
    () => run(ours, rounds.ours),
    () => run(slapd, rounds.slapd),
  );
  print(work, 'slapd', ratio.toFixed(2), target);
  print('  per second; p50, p95 in ms', `slapd: ${describe(rounds.slapd)}`, describe(rounds.ours), timeTarget);
  print('  CPU for one request in ms', `slapd: ${medianOf(rounds.slapd, 'cpuMs')}`, medianOf(rounds.ours, 'cpuMs'), '');
  const driver = medianOf(rounds.slapd, 'driverCores');
  print('  cores that the load driver uses', `slapd: ${driver}`, medianOf(rounds.ours, 'driverCores'), '');
}

/** @throws {Error} when a request fails */
async function measureRound(server: Server, measure: (server: Server) => Promise<Measured>): Promise<Round> {
  const [cpuSeconds, driver] = [server.usage().cpuSeconds, process.cpuUsage()];
  const measured = await measure(server);
  const { user, system } = process.cpuUsage(driver);
  const { done, failed } = measured;
  if (failed > 0) throw new Error(`${failed} of ${done + failed} requests failed`);
  const cpuMs = ((server.usage().cpuSeconds - cpuSeconds) / done) * 1000;
  return { ...measured, cpuMs, driverCores: (user + system) / 1e6 / SECONDS };
}

function describe(rounds: readonly Round[]): string {
  return `${medianOf(rounds, 'rate')}; ${medianOf(rounds, 'p50')}, ${medianOf(rounds, 'p95')}`;
}

/** Returns the median of the rounds after the warm-up, with three digits. */
function medianOf(rounds: readonly Round[], name: 'rate' | 'p50' | 'p95' | 'cpuMs' | 'driverCores'): string {
  const value = median(rounds.slice(1).map((one) => one[name]));
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

async function connectAll(count: number, connect: () => Promise<LdapConnection>): Promise<LdapConnection[]> {
  const all: LdapConnection[] = [];
  while (all.length < count) all.push(await connect());
  return all;
}

/** Sends requests of several connections in turn. Each finds at least one entry. */
async function measureSearches({ port }: Server, requests: readonly Buffer[]): Promise<Measured> {
  const connections = await connectAll(CONNECTIONS, () => bindLdap(port, SERVICE.name, SERVICE.secret));
  let turn = 0;
  const measured = await runWorkers(CONNECTIONS * PIPELINED, SECONDS, async (worker) => {
    const request = requests[turn++ % requests.length] ?? Buffer.alloc(0);
    const reply = await connections[worker % CONNECTIONS]?.request(request);
    return reply?.code === 0 && reply.entries > 0;
  });
  for (const connection of connections) connection.close();
  return measured;
}

/** Reads all people in pages, on each connection from the start. */
async function measurePages({ port }: Server, attributes: readonly string[]): Promise<Measured> {
  const connections = await connectAll(CONNECTIONS, () => bindLdap(port, SERVICE.name, SERVICE.secret));
  const cookies = connections.map((): Buffer => Buffer.alloc(0));
  const measured = await runWorkers(CONNECTIONS, SECONDS, async (worker) => {
    const cookie = cookies[worker] ?? Buffer.alloc(0);
    const request = searchMessage({ base: BASE, filter: PEOPLE, attributes, page: { size: PAGE, cookie } });
    const reply = await connections[worker]?.request(request);
    if (reply?.code !== 0) return false;
    const next = readCookie(reply.message);
    cookies[worker] = next;
    return reply.entries === PAGE || next.length === 0;
  });
  for (const connection of connections) connection.close();
  return measured;
}

/** Binds on connections that remain, each time as another person. */
async function measureBinds({ port }: Server, names: readonly string[]): Promise<Measured> {
  const connections = await connectAll(BINDING_CONNECTIONS, () => connectLdap(port));
  let turn = 0;
  const measured = await runWorkers(BINDING_CONNECTIONS, SECONDS, async (worker) => {
    const request = bindMessage(1, names[turn++ % names.length] ?? '', DEMO_PASSWORD);
    return (await connections[worker]?.request(request))?.code === 0;
  });
  for (const connection of connections) connection.close();
  return measured;
}

/** Prints the memory after all measurements, with more searches while other connections are open. */
async function printMemory(ours: Server, slapd: Server, requests: readonly Buffer[]): Promise<void> {
  const [megabytes, theirs] = [await measureMemory(ours, requests), await measureMemory(slapd, requests)];
  const against = `slapd: ${theirs.toFixed(0)} MB with its mapped file`;
  print(`memory with ${IDLE_CONNECTIONS} more connections`, against, `${megabytes.toFixed(0)} MB`, '< 350 MB');
}

async function measureMemory(server: Server, requests: readonly Buffer[]): Promise<number> {
  const idle = await connectAll(IDLE_CONNECTIONS, () => bindLdap(server.port, SERVICE.name, SERVICE.secret));
  await measureSearches(server, requests);
  const { megabytes } = server.usage();
  for (const connection of idle) connection.close();
  return megabytes;
}
