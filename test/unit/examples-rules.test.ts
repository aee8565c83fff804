import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import fc from 'fast-check';
import { createLocalJWKSet, exportJWK, generateKeyPair, SignJWT, UnsecuredJWT, type CryptoKey } from 'jose';
import { accessOf as paymentAccess, familyOf, isRecent } from '../../examples/payment/access.ts';
import { createLedger } from '../../examples/payment/bills.ts';
import { accessOf as portfolioAccess } from '../../examples/portfolio/access.ts';
import { classOf, filesOf } from '../../examples/portfolio/files.ts';
import { actingSchema, personSchema, ROLES } from '../../examples/shared/claims.ts';
import { ConfigError, readConfig } from '../../examples/shared/config.ts';
import { createLogoutTokenVerifier, LogoutTokenError } from '../../examples/shared/logout-token.ts';
import { createSessions, consumePending, storePending, type Context } from '../../examples/shared/sessions.ts';

const NOW = Date.UTC(2026, 10, 23, 4);

function context(acting: object | undefined, more: Partial<Context> = {}): Context {
  const children = [{ sub: 'child-a', name: '王小安' }];
  return {
    ctx: 'c1',
    acting: acting && actingSchema.parse({ ctx: 'c1', ...acting }),
    person: personSchema.parse({ sub: 'p1', name: '李美玲', children }),
    sub: 'p1',
    sid: 's1',
    idToken: 'id',
    accessToken: 'access',
    accessUntil: NOW + 300_000,
    issuedAt: NOW / 1000,
    authTime: NOW / 1000,
    readAt: NOW,
    ...more,
  };
}

describe('settings', () => {
  const good = {
    ISSUER: 'https://id.example',
    CLIENT_ID: 'portfolio',
    CLIENT_SECRET: 'secret',
    BASE_URL: 'http://localhost:3001/',
    PORT: '3001',
  };
  it('are read, and the base URL has no trailing slash', () => {
    assert.equal(readConfig(good).baseUrl, 'http://localhost:3001');
  });
  it('that are invalid are listed in one line without values', () => {
    const bad = { ...good, ISSUER: 'http://id.example', CLIENT_SECRET: undefined, PORT: '70000' };
    assert.throws(
      () => readConfig(bad),
      (error) =>
        error instanceof ConfigError &&
        /ISSUER must be an https URL.*CLIENT_SECRET is missing.*PORT must be/.test(error.message) &&
        !error.message.includes('\n') &&
        !error.message.includes('id.example'),
    );
    assert.throws(() => readConfig({ ...good, BASE_URL: 'https://a.example/path' }), /BASE_URL must have no path/);
  });
});

describe('logout tokens', () => {
  const EVENT = 'http://schemas.openid.net/event/backchannel-logout';
  let ours: { privateKey: CryptoKey; publicKey: CryptoKey };
  let verify: (token: string) => Promise<unknown>;
  let serial = 0;
  before(async () => {
    ours = await generateKeyPair('ES256');
    const keys = createLocalJWKSet({ keys: [{ ...(await exportJWK(ours.publicKey)), kid: 'k1', alg: 'ES256' }] });
    verify = createLogoutTokenVerifier({ issuer: 'https://id.example', clientId: 'rp', keys, now: () => NOW });
  });
  const claims = (changes: Record<string, unknown> = {}): Record<string, unknown> => ({
    iss: 'https://id.example',
    aud: 'rp',
    iat: NOW / 1000,
    exp: NOW / 1000 + 120,
    jti: `jti-${(serial += 1)}`,
    sid: 's1',
    sub: 'p1',
    events: { [EVENT]: {} },
    ...changes,
  });
  const sign = (payload: Record<string, unknown>, key = ours.privateKey, typ = 'logout+jwt'): Promise<string> =>
    new SignJWT(payload).setProtectedHeader({ alg: 'ES256', kid: 'k1', typ }).sign(key);

  it('are accepted with sid, with sub, or with both', async () => {
    assert.deepEqual(await verify(await sign(claims())), { sid: 's1', sub: 'p1', issuedAt: NOW / 1000 });
    assert.ok(await verify(await sign(claims({ sid: undefined }))));
    assert.ok(await verify(await sign(claims({ sub: undefined }))));
  });

  it('are refused for each single fault', async () => {
    const faults: Record<string, unknown>[] = [
      { iss: 'https://other.example' },
      { aud: 'another-issuer' },
      { iat: NOW / 1000 - 3_600, exp: NOW / 1000 + 60 },
      { iat: NOW / 1000 + 3_600, exp: NOW / 1000 + 7_200 },
      { iat: undefined },
      { exp: NOW / 1000 - 60 },
      { exp: undefined },
      { jti: undefined },
      { events: undefined },
      { events: { 'urn:other': {} } },
      { events: { [EVENT]: 'yes' } },
      { nonce: 'n' },
      { sid: undefined, sub: undefined },
    ];
    for (const fault of faults) {
      await assert.rejects(verify(await sign(claims(fault))), LogoutTokenError, JSON.stringify(fault));
    }
    const stranger = await generateKeyPair('ES256');
    await assert.rejects(verify(await sign(claims(), stranger.privateKey)), LogoutTokenError);
    await assert.rejects(verify(await sign(claims(), ours.privateKey, 'at+jwt')), LogoutTokenError);
    await assert.rejects(verify(new UnsecuredJWT(claims()).encode()), LogoutTokenError);
    const shared = new SignJWT(claims()).setProtectedHeader({ alg: 'HS256', kid: 'k1' });
    await assert.rejects(verify(await shared.sign(new Uint8Array(32))), LogoutTokenError);
    await assert.rejects(verify('no token'), LogoutTokenError);
  });

  it('are accepted once, also when two copies arrive together', async () => {
    const token = await sign(claims());
    const results = await Promise.allSettled([verify(token), verify(token), verify(token)]);
    assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 1);
  });

  it('are not reported invalid when the keys cannot be loaded', async () => {
    const cutOff = createLogoutTokenVerifier({
      issuer: 'https://id.example',
      clientId: 'rp',
      keys: () => Promise.reject(new TypeError('fetch failed')),
      now: () => NOW,
    });
    await assert.rejects(cutOff(await sign(claims())), TypeError);
  });
});

describe('sessions', () => {
  it('hold several contexts and get a new id only at sign-in', () => {
    const sessions = createSessions(() => NOW);
    const session = sessions.create();
    const before = session.id;
    sessions.enter(session, context({ role: 'parent', child: 'child-a', ctx: 'a' }));
    const after = session.id;
    assert.notEqual(after, before);
    assert.equal(sessions.find(before), undefined);
    sessions.enter(session, context({ role: 'parent', child: 'child-b', ctx: 'b' }));
    assert.equal(session.id, after);
    assert.deepEqual([...session.contexts.keys()], ['a', 'b']);
    assert.equal(session.last?.ctx, 'b');
  });

  it('never mix two people', () => {
    const sessions = createSessions(() => NOW);
    const session = sessions.create();
    sessions.enter(session, context({ role: 'teacher', ctx: 'a' }));
    sessions.enter(session, context({ role: 'teacher', ctx: 'b' }, { sub: 'p2' }));
    assert.deepEqual([...session.contexts.keys()], ['b']);
  });

  it('end by sid or sub, and only the matching ones', () => {
    const sessions = createSessions(() => NOW);
    const [one, two] = [sessions.create(), sessions.create()];
    sessions.enter(one, context({ role: 'teacher', ctx: 'a' }));
    sessions.enter(two, context({ role: 'teacher', ctx: 'a' }, { sid: 's2' }));
    const issuedAt = NOW / 1000;
    assert.equal(sessions.revoke({ sid: 's1', sub: 'other', issuedAt }), 0);
    assert.equal(sessions.revoke({ sid: 's1', sub: 'p1', issuedAt }), 1);
    assert.equal(one.notice, 'ended');
    assert.equal(two.contexts.size, 1);
    assert.equal(sessions.revoke({ sid: undefined, sub: 'p1', issuedAt }), 1);
  });

  it('refuse a sign-in that a logout revoked while in progress, but not the next one', () => {
    const sessions = createSessions(() => NOW);
    const session = sessions.create();
    sessions.revoke({ sid: 's1', sub: 'p1', issuedAt: NOW / 1000 });
    assert.equal(sessions.enter(session, context({ role: 'teacher' }, { issuedAt: NOW / 1000 - 2 })), undefined);
    assert.ok(sessions.enter(session, context({ role: 'teacher' }, { issuedAt: NOW / 1000 + 1 })));
  });

  it('expire absolutely, and a sign-in in progress is consumed once', () => {
    let now = NOW;
    const sessions = createSessions(() => now);
    const session = sessions.create();
    for (let i = 0; i < 20; i += 1) storePending(session, { state: `s${i}`, nonce: 'n', verifier: 'v' });
    assert.equal(session.pending.size, 10);
    assert.ok(consumePending(session, 's19'));
    assert.equal(consumePending(session, 's19'), undefined);
    sessions.enter(session, context({ role: 'teacher' }));
    now += 12 * 3_600_000 + 1;
    assert.equal(sessions.find(session.id), undefined);
  });
});

describe('access of a context', () => {
  const parent = { role: 'parent', child: 'child-a' };
  it('in the portfolio: two drawers for parents, three for students, a class for teachers', () => {
    const allowed = context({ ...parent, permissions: ['portfolio:read'] });
    assert.deepEqual(portfolioAccess(allowed), {
      kind: 'drawers',
      student: 'child-a',
      drawers: ['course', 'activities'],
    });
    const student = portfolioAccess(context({ role: 'student' }));
    assert.ok(student.kind === 'drawers' && student.student === 'p1' && student.drawers.length === 3);
    assert.equal(portfolioAccess(context({ role: 'teacher', school_code: '993302' })).kind, 'class');
  });
  it('in payment: only parents, and paying is a permission of its own', () => {
    assert.deepEqual(paymentAccess(context({ ...parent, permissions: ['fees:read'] })), {
      kind: 'bills',
      child: 'child-a',
      mayPay: false,
    });
    for (const role of ROLES.filter((one) => one !== 'parent')) {
      assert.equal(paymentAccess(context({ role, permissions: ['fees:read', 'fees:pay'] })).kind, 'noRole');
    }
  });
  it('of a family: each child by its own permissions, and none for other roles', () => {
    const children = [
      { sub: 'child-a', permissions: ['fees:read', 'fees:pay'] },
      { sub: 'child-b', permissions: ['fees:read'] },
      { sub: 'child-c', permissions: ['fees:pay'] },
    ];
    const person = personSchema.parse({ sub: 'p1', children });
    const family = familyOf(context(parent, { person }));
    assert.deepEqual(
      family.map(({ child, mayPay }) => [child.sub, mayPay]),
      [
        ['child-a', true],
        ['child-b', false],
      ],
    );
    for (const acting of [undefined, ...ROLES.filter((one) => one !== 'parent').map((role) => ({ role }))]) {
      assert.deepEqual(familyOf(context(acting, { person })), []);
    }
  });
  it('is none without the permission, the child or a context', () => {
    for (const accessOf of [portfolioAccess, paymentAccess]) {
      assert.equal(accessOf(context({ ...parent, permissions: ['fees:pay', 'health:read'] })).kind, 'noPermission');
      assert.equal(accessOf(context({ role: 'parent', child: 'stranger' })).kind, 'noChild');
      assert.equal(accessOf(context(undefined)).kind, 'noChild');
    }
  });
  it('never opens the third drawer to a parent', () => {
    fc.assert(
      fc.property(fc.array(fc.string()), (permissions) => {
        const access = portfolioAccess(context({ ...parent, permissions }));
        return access.kind !== 'drawers' || !access.drawers.includes('other');
      }),
    );
  });
  it('counts a sign-in as recent for five minutes, and never without auth_time', () => {
    assert.ok(isRecent(context(parent), NOW + 300_000));
    assert.ok(!isRecent(context(parent), NOW + 301_000));
    assert.ok(!isRecent(context(parent, { authTime: undefined }), NOW));
  });
});

describe('generated data', () => {
  it('is the same each time and differs between students', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), (sub) => {
        assert.deepEqual(filesOf(sub, 'course'), filesOf(sub, 'course'));
        assert.deepEqual(classOf(sub), classOf(sub));
        assert.deepEqual(createLedger(() => 1).billsOf(sub), createLedger(() => 2).billsOf(sub));
        for (const { amount, number } of createLedger(() => 1).billsOf(sub)) {
          assert.ok(Number.isInteger(amount) && amount > 0);
          assert.match(number, /^\d{14}$/);
        }
      }),
    );
    assert.notDeepEqual(filesOf('child-a', 'course'), filesOf('child-b', 'course'));
  });
  it('pays a bill once, for this child only', () => {
    let now = NOW;
    const ledger = createLedger(() => now);
    const id = ledger.billsOf('child-a')[0]?.id ?? '';
    const first = ledger.pay('child-a', id, { id: 't1', payer: '李美玲' });
    now += 1_000;
    assert.deepEqual(ledger.pay('child-a', id, { id: 't2', payer: '王大明' }), first);
    assert.deepEqual([first?.payment?.at, first?.payment?.payer], [NOW, '李美玲']);
    assert.ok(ledger.billsOf('child-b').every(({ payment }) => payment === undefined));
    assert.equal(ledger.pay('child-a', 'nothing', { id: 't3', payer: '李美玲' }), undefined);
  });
});
