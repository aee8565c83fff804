import { createHash, randomBytes } from 'node:crypto';

import express, { type Express } from 'express';
import session from 'express-session';
import { AuthorizationCode, type Token } from 'simple-oauth2';
import { z } from 'zod';
import { discover, readUserInfo } from './endpoints.ts';
import type { Settings } from './settings.ts';

declare module 'express-session' {
  interface SessionData {
    /** Of a sign-in in progress. */
    pending: { state: string; verifier: string };
    token: Token;
  }
}

const accessToken = z.object({ access_token: z.string() });
const callback = z.object({ code: z.string(), state: z.string() });

export async function createApp({ issuer, clientId, clientSecret, baseUrl }: Settings): Promise<Express> {
  const endpoints = await discover(issuer);
  const client = new AuthorizationCode({
    client: { id: clientId, secret: clientSecret },
    auth: {
      tokenHost: issuer,
      tokenPath: endpoints.token_endpoint,
      authorizePath: endpoints.authorization_endpoint,
      revokePath: endpoints.revocation_endpoint,
    },
  });

  const app = express();
  app.use(session({ secret: randomBytes(32).toString('hex'), resave: false, saveUninitialized: false }));
  app.get('/login', (request, response) => {
    const pending = { state: randomBytes(32).toString('hex'), verifier: randomBytes(32).toString('hex') };
    request.session.pending = pending;
    const query = {
      redirect_uri: `${baseUrl}/callback`,
      scope: 'openid profile offline_access',
      prompt: 'consent',
      state: pending.state,
      code_challenge: createHash('sha256').update(pending.verifier).digest('base64url'),
      code_challenge_method: 'S256',
    };
    response.redirect(client.authorizeURL(query));
  });
  app.get('/callback', async (request, response) => {
    const { code, state } = callback.parse(request.query);
    const { pending } = request.session;
    if (state !== pending?.state) throw new Error('this sign-in belongs to another browser');
    const fields = { code, redirect_uri: `${baseUrl}/callback`, code_verifier: pending.verifier };
    request.session.token = (await client.getToken(fields)).token;
    response.redirect('/');
  });
  app.get('/', async (request, response) => {
    const { token } = request.session;
    const { userinfo_endpoint: endpoint } = endpoints;
    response.json(token === undefined ? null : await readUserInfo(endpoint, accessToken.parse(token).access_token));
  });
  app.get('/refresh', async (request, response) => {
    request.session.token = (await client.createToken(request.session.token ?? {}).refresh()).token;
    response.redirect('/');
  });
  app.get('/logout', async (request, response) => {
    // The answer has no body (RFC 7009, 2.2). The default accepts JSON only.
    await client.createToken(request.session.token ?? {}).revokeAll({ json: true });
    const query = new URLSearchParams({ client_id: clientId, post_logout_redirect_uri: `${baseUrl}/` });
    request.session.destroy(() => {
      response.redirect(`${endpoints.end_session_endpoint}?${query.toString()}`);
    });
  });
  return app;
}
