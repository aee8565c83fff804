import { once } from 'node:events';
import { loadConfig } from '../src/config/load.ts';
import { systemClock } from '../src/domain/clock.ts';
import { systemRandom } from '../src/domain/random.ts';
import { createSecrets } from '../src/platform/crypto/secrets.ts';
import { createPasswordHasher } from '../src/platform/hashing/password-hasher.ts';
import { openStore, type Store } from '../src/store/database/index.ts';
import { migrate } from '../src/store/migrate.ts';
import { banner } from './banner.ts';
import { writeSelfSignedCertificate } from './certificate.ts';
import { demoCityState, loadDemoCity } from './city/load.ts';
import { loadClientSecrets, prepareDemoFiles, removeDatabase, removeFiles, writeClients } from './files.ts';
import type { ClientSecrets, DemoFiles } from './files.ts';
import { startMailCatcher } from './mail-catcher.ts';
import { assertPortsFree, startProcess, type ManagedProcess, type ProcessSpec } from './processes.ts';
import { loadDemoRegister } from './register.ts';
import { addressOf, DemoError, DIRECTORY_BASE, readSettings, type DemoOptions, type DemoSettings } from './settings.ts';

const PROCESSES = ['service', 'portfolio', 'payment'] as const;
/** Number of people from which the demo prints how long loading took. */
const MIN_PEOPLE_FOR_STATISTICS = 10_000;

const print = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

/**
 * Runs `npm run demo`: the service with the demo city, two relying parties and a mail catcher, until a signal stops them.
 *
 * @throws {DemoError} with one line for the person who started it
 */
export async function runDemo(options: DemoOptions): Promise<void> {
  const stopping = new AbortController();
  const stop = (): void => {
    stopping.abort();
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop);
  try {
    await demo(readSettings(options, process.env), stopping.signal);
  } catch (error) {
    if (!stopping.signal.aborted) throw error;
  } finally {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.off(signal, stop);
  }
}

async function demo(settings: DemoSettings, signal: AbortSignal): Promise<void> {
  await assertPortsFree(settings);
  const files = prepareDemoFiles(settings);
  if (settings.fresh) removeFiles(settings, files, PROCESSES);
  const secrets = loadClientSecrets(files);
  writeClients(settings, files, secrets);
  writeSelfSignedCertificate(files, systemClock.now());
  await prepareCity(settings, files, signal);
  const mail = await startMailCatcher({
    smtpPort: settings.ports.smtp,
    webPort: settings.ports.mail,
    dir: files.mails,
  });
  const processes = processSpecs(settings, files, secrets).map(startProcess);
  try {
    await runUntilStopped(settings, processes, signal);
  } finally {
    await Promise.all(processes.map((program) => program.stop()));
    await mail.close();
  }
}

/** @throws {DemoError} with the error output of a process that exited */
async function runUntilStopped(
  settings: DemoSettings,
  processes: readonly ManagedProcess[],
  signal: AbortSignal,
): Promise<void> {
  const died = Promise.race(processes.map(({ ended }) => ended)).then((reason) => {
    throw new DemoError(reason);
  });
  const stopped = signal.aborted ? Promise.resolve() : once(signal, 'abort');
  const ready = Promise.all(processes.map((program) => program.ready(signal))).then(() => {
    print(banner(settings));
  });
  await Promise.race([ready, died, stopped]);
  await Promise.race([died, stopped]);
}

/** Loads the demo city and its register of families into an empty database, with the settings of the service, before the service starts. */
async function prepareCity(settings: DemoSettings, files: DemoFiles, signal: AbortSignal): Promise<void> {
  const config = loadConfig({ ...process.env, ...serviceEnvironment(settings, files) });
  const open = async (): Promise<Store> => {
    const store = await openStore(config.database);
    await migrate(store);
    return store;
  };
  let store = await open();
  try {
    const state = await demoCityState(store);
    const secrets = createSecrets(config.masterKey, systemRandom);
    if (state === 'loaded') {
      await loadDemoRegister({ store, secrets });
      return;
    }
    if (state === 'partial') {
      if (config.database.url !== undefined) {
        throw new DemoError(
          'the database contains an incomplete demo city; create a new one and set DATABASE_URL to it',
        );
      }
      // Loading was interrupted, so no service has used this database.
      await store.close();
      removeDatabase(files);
      store = await open();
    }
    const hasher = await createPasswordHasher({ ...config.hashing, threads: 1 });
    const began = performance.now();
    print(`正在啟動示範市… Starting the demo city… (${settings.people.toLocaleString('en')} people)`);
    const { profile } = config;
    const loaded = await loadDemoCity({
      ...{ store, secrets, hasher, clock: systemClock, profile, signal },
      people: settings.people,
    }).finally(() => hasher.close());
    await loadDemoRegister({ store, secrets });
    printLogLine(loaded.rows, (performance.now() - began) / 1_000, settings.people);
  } finally {
    await store.close();
  }
}

function printLogLine(rows: number, seconds: number, people: number): void {
  if (people < MIN_PEOPLE_FOR_STATISTICS) return;
  const speed = Math.round(rows / seconds).toLocaleString('en');
  const megabytes = Math.round(process.resourceUsage().maxRSS / 1_024);
  print(`${rows.toLocaleString('en')} rows in ${seconds.toFixed(1)} s, ${speed} rows/s, peak memory ${megabytes} MB`);
}

function serviceEnvironment(settings: DemoSettings, files: DemoFiles): Record<string, string> {
  return {
    KINPASS_PROFILE: 'development',
    KINPASS_ISSUER: addressOf(settings, 'service'),
    KINPASS_HOST: '127.0.0.1',
    KINPASS_PORT: String(settings.ports.service),
    KINPASS_MASTER_KEY_FILE: files.key,
    KINPASS_DATABASE_FILE: files.database,
    KINPASS_MIGRATIONS: 'apply',
    KINPASS_CLIENTS_FILE: files.clients,
    KINPASS_SMTP_URL: `smtp://127.0.0.1:${settings.ports.smtp}`,
    KINPASS_MAIL_FROM: '示範市校園單一身分驗證服務 <no-reply@city.example>',
    KINPASS_ALLOW_PRIVATE_LOGOUT_ADDRESSES: 'true',
    KINPASS_LDAP_PORT: String(settings.ports.directory),
    KINPASS_LDAP_BASE: DIRECTORY_BASE,
    KINPASS_LDAP_TLS_CERT_FILE: files.certFile,
    KINPASS_LDAP_TLS_KEY_FILE: files.keyFile,
  };
}

function processSpecs(settings: DemoSettings, files: DemoFiles, secrets: ClientSecrets): ProcessSpec[] {
  const issuer = addressOf(settings, 'service');
  const relyingParty = (name: keyof ClientSecrets): ProcessSpec => ({
    name,
    args: [`examples/${name}/server.ts`],
    env: {
      ISSUER: issuer,
      CLIENT_ID: name,
      CLIENT_SECRET: secrets[name],
      BASE_URL: addressOf(settings, name),
      PORT: String(settings.ports[name]),
    },
    readyUrl: `${addressOf(settings, name)}/`,
    logFile: files.log(name),
  });
  const service: ProcessSpec = {
    name: 'service',
    args: ['bin/kinpass.js', 'start'],
    env: serviceEnvironment(settings, files),
    readyUrl: `${issuer}/health/ready`,
    logFile: files.log('service'),
  };
  return [service, relyingParty('portfolio'), relyingParty('payment')];
}
