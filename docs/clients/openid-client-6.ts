import { randomBytes } from 'node:crypto';

import express, { type Express } from 'express';
import session from 'express-session';
import * as client from 'openid-client';
import type { Settings } from './settings.ts';

declare module 'express-session' {
  interface SessionData {
    /** Of a sign-in in progress. */
    expected: { expectedState: string; pkceCodeVerifier: string };
    person: { sub: string; idToken: string; accessToken: string; refreshToken: string };
  }
}

export async function createApp({ issuer, clientId, clientSecret, baseUrl }: Settings): Promise<Express> {
  // Plain http is for your own machine. The library refuses it by default.
  const execute = issuer.startsWith('http://localhost:') ? [client.allowInsecureRequests] : [];
  const clientAuth = client.ClientSecretBasic(clientSecret);
  const config = await client.discovery(new URL(issuer), clientId, {}, clientAuth, { execute });

  const app = express();
  app.use(session({ secret: randomBytes(32).toString('hex'), resave: false, saveUninitialized: false }));
  app.get('/login', async (request, response) => {
    const expected = { expectedState: client.randomState(), pkceCodeVerifier: client.randomPKCECodeVerifier() };
    request.session.expected = expected;
    const url = client.buildAuthorizationUrl(config, {
      redirect_uri: `${baseUrl}/callback`,
      scope: 'openid profile offline_access',
      state: expected.expectedState,
      code_challenge: await client.calculatePKCECodeChallenge(expected.pkceCodeVerifier),
      code_challenge_method: 'S256',
    });
    response.redirect(url.href);
  });
  app.get('/callback', async (request, response) => {
    const url = new URL(request.originalUrl, baseUrl);
    const tokens = await client.authorizationCodeGrant(config, url, request.session.expected);
    request.session.person = {
      sub: tokens.claims()?.sub ?? '',
      idToken: tokens.id_token ?? '',
      accessToken: tokens.access_token,
      refreshToken: tokens.refresh_token ?? '',
    };
    response.redirect('/');
  });
  app.get('/', async (request, response) => {
    const { person } = request.session;
    response.json(person ? await client.fetchUserInfo(config, person.accessToken, person.sub) : null);
  });
  app.get('/refresh', async (request, response) => {
    const { person } = request.session;
    if (person) {
      const tokens = await client.refreshTokenGrant(config, person.refreshToken);
      const refreshToken = tokens.refresh_token ?? person.refreshToken;
      request.session.person = { ...person, accessToken: tokens.access_token, refreshToken };
    }
    response.redirect('/');
  });
  app.get('/logout', (request, response) => {
    const url = client.buildEndSessionUrl(config, {
      id_token_hint: request.session.person?.idToken ?? '',
      post_logout_redirect_uri: `${baseUrl}/`,
    });
    request.session.destroy(() => {
      response.redirect(url.href);
    });
  });
  return app;
}
