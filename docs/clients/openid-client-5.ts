import { randomBytes } from 'node:crypto';

import express, { type Express } from 'express';
import session from 'express-session';
import { generators, Issuer, TokenSet, type TokenSetParameters } from 'openid-client-5';
import type { Settings } from './settings.ts';

declare module 'express-session' {
  interface SessionData {
    /** Of a sign-in in progress. */
    checks: { state: string; code_verifier: string };
    tokens: TokenSetParameters;
  }
}

export async function createApp({ issuer, clientId, clientSecret, baseUrl }: Settings): Promise<Express> {
  const { Client } = await Issuer.discover(issuer);
  const redirectUri = `${baseUrl}/callback`;
  const client = new Client({ client_id: clientId, client_secret: clientSecret });

  const app = express();
  app.use(session({ secret: randomBytes(32).toString('hex'), resave: false, saveUninitialized: false }));
  app.get('/login', (request, response) => {
    const checks = { state: generators.state(), code_verifier: generators.codeVerifier() };
    request.session.checks = checks;
    const url = client.authorizationUrl({
      redirect_uri: redirectUri,
      scope: 'openid profile offline_access',
      prompt: 'consent',
      state: checks.state,
      code_challenge: generators.codeChallenge(checks.code_verifier),
      code_challenge_method: 'S256',
    });
    response.redirect(url);
  });
  app.get('/callback', async (request, response) => {
    const answer = client.callbackParams(request);
    request.session.tokens = await client.callback(redirectUri, answer, request.session.checks);
    response.redirect('/');
  });
  app.get('/', async (request, response) => {
    const { tokens } = request.session;
    response.json(tokens === undefined ? null : await client.userinfo(new TokenSet(tokens)));
  });
  app.get('/refresh', async (request, response) => {
    request.session.tokens = await client.refresh(new TokenSet(request.session.tokens));
    response.redirect('/');
  });
  app.get('/logout', (request, response) => {
    const idToken = request.session.tokens?.id_token ?? '';
    const url = client.endSessionUrl({ id_token_hint: idToken, post_logout_redirect_uri: `${baseUrl}/` });
    request.session.destroy(() => {
      response.redirect(url);
    });
  });
  return app;
}
