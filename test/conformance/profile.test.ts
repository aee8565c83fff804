/** The conformance profile: its files match, and it is separate from the other profiles. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import tls from 'node:tls';

import { z } from 'zod';

import { loadConfig } from '../../src/config/load.ts';
import { createContainer } from '../../src/container/index.ts';
import { systemClock } from '../../src/domain/clock.ts';
import { systemRandom } from '../../src/domain/random.ts';
import { TEST_LOGIN, TEST_PASSWORD, TEST_PERSON_ID } from '../../src/oidc/conformance/test-person.ts';
import { createLogger } from '../../src/platform/logger.ts';
import { insertSchool } from '../../src/store/people/schools.ts';
import { createTrustedCertificate, type TestCertificate } from '../helpers/certificate.ts';
import { readPlan, readRegistrations, startSuite, type Suite } from '../helpers/conformance.ts';

const FOLDER = join(import.meta.dirname, '../../config/conformance');
const KINPASS_CLIENTS_FILE = join(FOLDER, 'clients.json');
const PLANS = readdirSync(FOLDER)
  .filter((name) => name.endsWith('-test-plan.json'))
  .map((name) => name.replace(/\.json$/, ''));

describe('the configurations of the suite', () => {
  const ISSUER = 'https://host.docker.internal:3443';
  const anyKey = z.looseObject({ kty: z.string(), kid: z.string() });
  const withKeys = z.looseObject({ jwks: z.object({ keys: z.array(anyKey).min(1) }) });

  it('exist for all six plans', () => {
    assert.deepEqual(PLANS.sort(), [
      'fapi2-security-profile-final-test-plan',
      'oidcc-backchannel-rp-initiated-logout-certification-test-plan',
      'oidcc-basic-certification-test-plan',
      'oidcc-config-certification-test-plan',
      'oidcc-formpost-basic-certification-test-plan',
      'oidcc-rp-initiated-logout-certification-test-plan',
    ]);
    assert.equal(new Set(PLANS.map((plan) => readPlan(plan).alias)).size, PLANS.length, 'aliases are unique');
  });

  for (const plan of PLANS) {
    it(`${plan} matches the registered clients and the pages`, () => {
      const { alias, server, client, client2, client_secret_post: poster } = readPlan(plan);
      assert.equal(server.discoveryUrl, `${ISSUER}/.well-known/openid-configuration`);
      for (const one of [client, client2, poster].flatMap((given) => given ?? [])) {
        const found = readRegistrations().find(({ client_id: id }) => id === one.client_id);
        assert.ok(found, one.client_id);
        assert.ok(found.redirect_uris.some((uri) => uri.includes(`/test/a/${alias}/callback`)));
        if (one.client_secret === undefined) assert.deepEqual(publicKeysOf(one), withKeys.parse(found).jwks.keys);
        else assert.deepEqual(found.client_secret_sha256, [sha256(one.client_secret)]);
      }
      const text = readFileSync(join(FOLDER, `${plan}.json`), 'utf8');
      if (text.includes('"password"')) assert.ok(text.includes(TEST_LOGIN) && text.includes(TEST_PASSWORD));
      const addresses = [...text.matchAll(/"match": "([^"]+)"/g)].map(([, match = '']) => match);
      const allowed = [`${ISSUER}/auth*`, `${ISSUER}/interaction/*`, `${ISSUER}/session/end*`];
      const ends = [`${ISSUER}/session/end/success*`, `*/test/a/${alias}/callback*`];
      const known = new Set([...allowed, ...ends, `*/test/a/${alias}/post_logout_redirect*`]);
      assert.deepEqual(
        addresses.filter((address) => !known.has(address)),
        [],
      );
    });
  }

  it('wait for texts of the pages in both languages', () => {
    const texts = PLANS.map((plan) => readFileSync(join(FOLDER, `${plan}.json`), 'utf8')).join('\n');
    const waits = new Set([...texts.matchAll(/"\/\/\*",\s*10,\s*"([^"]+)"/g)].map(([, words = '']) => words));
    assert.equal(waits.size, 3);
    for (const lang of ['en', 'zh-TW']) {
      const words = readFileSync(join(FOLDER, `../locales/${lang}.json`), 'utf8');
      for (const wait of waits) assert.match(words, new RegExp(`"title": "(${wait})`), lang);
    }
  });

  const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
  const SECRET_PARTS = new Set(['d', 'p', 'q', 'dp', 'dq', 'qi']);
  const publicKeysOf = (client: unknown): unknown[] =>
    withKeys
      .parse(client)
      .jwks.keys.map((key) => Object.fromEntries(Object.entries(key).filter(([name]) => !SECRET_PARTS.has(name))));
});

describe('a start in the conformance profile', () => {
  let folder: string;
  let certificate: TestCertificate;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'kinpass-profile-'));
    certificate = createTrustedCertificate();
    writeFileSync(join(folder, 'other.json'), JSON.stringify({ clients: [] }));
  });
  after(() => {
    certificate.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Starts the service with these settings, then stops it. */
  async function start(changes: Record<string, string | undefined>, work?: (on: Container) => Promise<void>) {
    const container = await createContainer(
      loadConfig({
        KINPASS_PROFILE: 'conformance',
        KINPASS_ISSUER: 'https://op.test:3443',
        KINPASS_MASTER_KEY_FILE: join(folder, 'key'),
        KINPASS_DATABASE_FILE: join(folder, 'conformance.sqlite'),
        KINPASS_CLIENTS_FILE,
        KINPASS_TLS_CERT_FILE: certificate.certFile,
        KINPASS_TLS_KEY_FILE: certificate.keyFile,
        KINPASS_SMTP_URL: 'smtp://127.0.0.1:9',
        KINPASS_MAIL_FROM: 'no-reply@op.test',
        KINPASS_HASH_MEMORY_KIB: '7168',
        ...changes,
      }),
      { clock: systemClock, random: systemRandom, log: createLogger('silent') },
    );
    try {
      await work?.(container);
    } finally {
      await container.close();
    }
  }
  type Container = Awaited<ReturnType<typeof createContainer>>;

  it('works twice on its own database, which production rejects', async () => {
    await start({});
    await start({}, async ({ store, hasher }) => {
      const [persons, identifiers, passwords] = await store.read(async (tx) => [
        await tx.db.select().from(tx.tables.persons),
        await tx.db.select().from(tx.tables.identifiers),
        await tx.db.select().from(tx.tables.passwords),
      ]);
      assert.deepEqual(
        persons.map(({ id, kind, status, locale }) => [id, kind, status, locale]),
        [[TEST_PERSON_ID, 'person', 'active', 'en']],
      );
      const logins = identifiers.filter(
        ({ personId, verifiedAt }) => personId === TEST_PERSON_ID && verifiedAt !== null,
      );
      assert.deepEqual(logins.map(({ kind }) => kind).sort(), ['account', 'email', 'mobile']);
      assert.equal(await hasher.verify(passwords[0]?.hash ?? '', TEST_PASSWORD), true);
    });
    const production = { KINPASS_PROFILE: 'production', KINPASS_CLIENTS_FILE: join(folder, 'other.json') };
    const plain = { KINPASS_TLS_CERT_FILE: undefined, KINPASS_TLS_KEY_FILE: undefined };
    await assert.rejects(start({ ...production, ...plain }), /demo city \(school codes 99/);
  });

  const refused: Record<string, [Record<string, string | undefined>, RegExp]> = {
    'on a machine that says it is in production': [{ NODE_ENV: 'production' }, /NODE_ENV=production/],
    'with http': [{ KINPASS_ISSUER: 'http://op.test' }, /KINPASS_ISSUER: .*needs https/],
    'without a certificate': [{ KINPASS_TLS_CERT_FILE: undefined, KINPASS_TLS_KEY_FILE: undefined }, /TLS_CERT_FILE/],
    'with half a certificate': [{ KINPASS_TLS_KEY_FILE: undefined }, /KINPASS_TLS_KEY_FILE: is missing/],
  };
  for (const [what, [changes, reason]] of Object.entries(refused)) {
    it(`is rejected ${what}`, async () => {
      await assert.rejects(start(changes), reason);
    });
  }

  it('rejects clients of a city, and other profiles reject its clients and certificate', async () => {
    const file = join(folder, 'mixed.json');
    const [client] = readRegistrations();
    writeFileSync(file, JSON.stringify({ clients: [{ ...client, client_id: 'portfolio' }] }));
    await assert.rejects(start({ KINPASS_CLIENTS_FILE: file }), /clients \(portfolio\): client ids must begin/);
    const development = { KINPASS_PROFILE: 'development', KINPASS_DATABASE_FILE: join(folder, 'other.sqlite') };
    await assert.rejects(start(development), (error: Error) => {
      assert.match(error.message, /^KINPASS_TLS_CERT_FILE: only the conformance profile/m);
      assert.match(error.message, /clients \(conformance-fapi\): is allowed only in the conformance profile/);
      return true;
    });
  });

  it('is rejected on the database of a city', async () => {
    const city = { KINPASS_DATABASE_FILE: join(folder, 'city.sqlite') };
    await start(city, ({ store }) =>
      store.write((tx) =>
        insertSchool(tx, { code: '353301', name: '某高中', nameEn: 'Some school', type: 'senior_high' }),
      ),
    );
    await assert.rejects(start(city), /contains schools of a city/);
  });
});

describe('https of the conformance profile', () => {
  let suite: Suite;
  before(async () => {
    suite = await startSuite();
  });
  after(() => suite.stop());

  const connect = (options: tls.ConnectionOptions): Promise<string> =>
    new Promise((resolve, reject) => {
      const { hostname: host, port } = new URL(suite.issuer);
      const socket = tls.connect({ host, port: Number(port), servername: host, ...options }, () => {
        resolve(`${String(socket.getProtocol())} ${socket.getCipher().name}`);
        socket.destroy();
      });
      socket.on('error', reject);
    });

  it('accepts TLS 1.3, and TLS 1.2 with forward secrecy and GCM only (FAPI 2.0, section 5.2)', async () => {
    assert.match(await connect({}), /^TLSv1\.3 /);
    assert.match(await connect({ maxVersion: 'TLSv1.2' }), /^TLSv1\.2 ECDHE-.*-GCM-/);
    await assert.rejects(connect({ maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-SHA256' }));
    await assert.rejects(connect({ minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }));
  });

  it('lists the scopes and claims of the suite in discovery, only in this profile', () => {
    const scopes = z.array(z.string()).parse(suite.metadata['scopes_supported']);
    assert.ok(scopes.includes('address'));
    const claims = z.array(z.string()).parse(suite.metadata['claims_supported']);
    for (const claim of ['birthdate', 'gender', 'address', 'zoneinfo']) assert.ok(claims.includes(claim), claim);
  });
});
