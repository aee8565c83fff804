/** The budget of pushed authorization requests of public clients is refunded to the networks that were charged. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { z } from 'zod';

import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import { codeOf, interactionOf, LOGIN, runAuthorization } from '../helpers/authorization-flow.ts';
import { freezeTime, HOUR, type FrozenTime } from '../helpers/frozen-time.ts';
import { createHttpBrowser, type HttpBrowser } from '../helpers/http-browser.ts';
import { createParty } from '../helpers/relying-party.ts';
import { eachService } from '../helpers/service-matrix.ts';
import { startService, type TestService } from '../helpers/service.ts';
import { authorization, options, post, rowsOf, secret } from '../helpers/stored-requests.ts';

/** The documented limit of a request (docs/integrators.md). */
const MAX_REQUEST_BYTES = 12_288;
const PUSHED = 'pushed_authorization_request';
const CHARGED = '203.0.113.70';
const OTHER = '203.0.113.71';
const pushedAnswer = z.object({ request_uri: z.string() });
/** A form without percent-encoding, which would triple its bytes. */
const formOf = (fields: Record<string, string>): string =>
  decodeURIComponent(authorization(fields).toString().replaceAll('+', '%20'));
const from = (address: string): Record<string, string> => ({ 'x-forwarded-for': address });

/** Uses the whole budget of the networks of an address. */
const fill = ({ container }: TestService, address: string): void => {
  try {
    for (;;) container.rateLimiter.admitNetwork(PUSHED, address);
  } catch {
    // The budget is used.
  }
};
/** Pushes a request of the public client. @returns the URL for the browser */
const push = async (
  service: TestService,
  fields: Record<string, string> = {},
  headers: Record<string, string> = from(CHARGED),
): Promise<string> => {
  const answer = await post(service, '/request', formOf(fields), headers);
  assert.equal(answer.status, 201, answer.body);
  const { request_uri: uri } = pushedAnswer.parse(JSON.parse(answer.body));
  return `/auth?${new URLSearchParams({ client_id: 'public', request_uri: uri }).toString()}`;
};
const signedIn = async ({ issuer }: TestService, address: string): Promise<HttpBrowser> => {
  const app = await createParty(issuer, { id: 'app', scope: 'openid profile', secret });
  const httpBrowser = createHttpBrowser(issuer, 'zh-TW', from(address));
  await runAuthorization(app, httpBrowser, { login: LOGIN.T2 });
  return httpBrowser;
};
const statusesOf = async (service: TestService, addresses: string[]): Promise<number[]> => {
  const statuses: number[] = [];
  for (const address of addresses) {
    statuses.push((await post(service, '/request', authorization().toString(), from(address))).status);
  }
  return statuses;
};
const assertRefundedOnce = async (service: TestService): Promise<void> => {
  assert.deepEqual(await statusesOf(service, [OTHER, CHARGED, CHARGED]), [429, 201, 429]);
};

eachService(
  'the rate of pushed requests of a public client',
  () => options,
  (running) => {
    let time: FrozenTime;
    before(() => {
      time = freezeTime();
    });
    after(() => {
      time.release();
    });

    it('is refunded to the network that pushed the request, wherever a signed-in browser uses it', async () => {
      const httpBrowser = await signedIn(running(), OTHER);
      const url = await push(running());
      for (const address of [CHARGED, OTHER]) fill(running(), address);
      assert.ok(codeOf(await httpBrowser.open(url)));
      await assertRefundedOnce(running());
      assert.notEqual((await httpBrowser.open(url)).status, 303, 'used twice');
      assert.deepEqual(await statusesOf(running(), [OTHER, CHARGED]), [429, 429]);
      time.advance(HOUR);
    });

    it('is refunded to the network that pushed the request when a sign-in comes first', async () => {
      const httpBrowser = createHttpBrowser(running().issuer, 'zh-TW', from(OTHER));
      const page = await httpBrowser.open(await push(running()));
      assert.equal(interactionOf(page), 'login');
      for (const address of [CHARGED, OTHER]) fill(running(), address);
      assert.ok(codeOf(await httpBrowser.submit(page, { login: LOGIN.T2, password: DEMO_PASSWORD })));
      await assertRefundedOnce(running());
      time.advance(HOUR);
    });
  },
);

describe('the refund of a pushed request', () => {
  let service: TestService;
  let time: FrozenTime;
  before(async () => {
    time = freezeTime();
    service = await startService(options);
  });
  after(async () => {
    await service.stop();
    time.release();
  });

  const proofOf = async (jti: string): Promise<string> => {
    const { publicKey, privateKey } = await generateKeyPair('ES256');
    return new SignJWT({ htm: 'POST', htu: `${service.issuer}/request` })
      .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk: await exportJWK(publicKey) })
      .setIssuedAt(Math.floor(Date.now() / 1_000))
      .setJti(jti)
      .sign(privateKey);
  };

  it('is not needed for a request over the limit, whose DPoP proof is not stored either', async () => {
    fill(service, CHARGED);
    const before = (await rowsOf(service)).length;
    const headers = { dpop: await proofOf('refused'), ...from(CHARGED) };
    assert.equal((await post(service, '/request', formOf({}), headers)).status, 429);
    assert.equal((await rowsOf(service)).length, before);
    time.advance(HOUR);
  });

  it('goes to the charged network also with a DPoP proof, which counts once', async () => {
    const proof = await proofOf('once');
    const httpBrowser = await signedIn(service, OTHER);
    for (const address of [CHARGED, OTHER]) fill(service, address);
    // Room for one: the proof is checked before the request, so the limit is checked twice, but counts once.
    service.container.rateLimiter.releaseNetwork(PUSHED, CHARGED);
    const url = await push(service, {}, { dpop: proof, ...from(CHARGED) });
    assert.ok(codeOf(await httpBrowser.open(url)));
    await assertRefundedOnce(service);
    time.advance(HOUR);
  });

  it('cannot be chosen by the client', async () => {
    const httpBrowser = await signedIn(service, OTHER);
    const charge = JSON.stringify({ pushedFrom: OTHER });
    const url = await push(service, { kinpass_request: charge });
    for (const address of [CHARGED, OTHER]) fill(service, address);
    assert.ok(codeOf(await httpBrowser.open(`${url}&${new URLSearchParams({ kinpass_request: charge }).toString()}`)));
    const plain = authorization({ kinpass_request: charge });
    assert.ok(codeOf(await httpBrowser.open(`/auth?${plain.toString()}`)));
    await assertRefundedOnce(service);
    time.advance(HOUR);
  });

  it('does not make a request too large that was pushed at the limit', async () => {
    const httpBrowser = await signedIn(service, OTHER);
    // Limits of single parameters are in characters; the limit of all is in bytes.
    const text = '字'.repeat(512);
    const long = {
      state: `${text}${text}`,
      nonce: text,
      ui_locales: text,
      claims_locales: text,
      login_hint: text.slice(0, 320),
    };
    const claims = (length: number): string => JSON.stringify({ id_token: { ['x'.repeat(length - 22)]: null } });
    const sizes = [...authorization(long)].map(([, value]) => Buffer.byteLength(value));
    const left = MAX_REQUEST_BYTES - sizes.reduce((sum, size) => sum + size, 0);
    assert.equal(claims(left).length, left);
    const tooLarge = await post(service, '/request', formOf({ ...long, claims: claims(left + 1) }));
    assert.match(tooLarge.body, /all parameters together must be at most/);
    const fields = { ...long, claims: claims(left) };
    assert.ok(codeOf(await httpBrowser.open(await push(service, fields))));
  });
});
