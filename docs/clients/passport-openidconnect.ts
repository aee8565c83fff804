import { randomBytes } from 'node:crypto';

import express, { type Express, type RequestHandler } from 'express';
import session from 'express-session';
import passport, { type AuthenticateOptions } from 'passport';
import { Strategy, type Profile, type StrategyOptions, type VerifyCallback } from 'passport-openidconnect';
import { z } from 'zod';
import { discover, readUserInfo, refreshTokens } from './endpoints.ts';
import type { Settings } from './settings.ts';

const account = z.object({
  profile: z.object({ id: z.string(), username: z.string(), displayName: z.string() }),
  idToken: z.string(),
  refreshToken: z.string(),
});

/** Stores the whole account in the session. */
function createPassport(options: StrategyOptions): passport.Authenticator {
  const instance = new passport.Passport();
  const verify = (
    _issuer: string,
    profile: Profile,
    _context: object,
    idToken: unknown,
    _accessToken: unknown,
    refreshToken: string,
    _answer: unknown,
    done: VerifyCallback,
  ): void => {
    done(null, { profile, idToken, refreshToken });
  };
  instance.use(new Strategy(options, verify));
  instance.serializeUser((user, done) => {
    done(null, user);
  });
  instance.deserializeUser<Express.User>((user, done) => {
    done(null, user);
  });
  return instance;
}

export async function createApp(settings: Settings): Promise<Express> {
  const { issuer, clientId, clientSecret, baseUrl } = settings;
  const endpoints = await discover(issuer);
  const people = createPassport({
    issuer,
    authorizationURL: endpoints.authorization_endpoint,
    tokenURL: endpoints.token_endpoint,
    userInfoURL: endpoints.userinfo_endpoint,
    clientID: clientId,
    clientSecret,
    callbackURL: `${baseUrl}/callback`,
    scope: 'profile offline_access',
    prompt: 'consent',
    nonce: 'yes',
    skipUserProfile: false,
  });
  // The type of the package allows any handler.
  const signIn: { authenticate(strategy: string, options?: AuthenticateOptions): RequestHandler } = people;

  const app = express();
  app.use(session({ secret: randomBytes(32).toString('hex'), resave: false, saveUninitialized: false }));
  app.use(people.session());
  app.get('/login', signIn.authenticate('openidconnect'));
  app.get('/callback', signIn.authenticate('openidconnect', { successRedirect: '/' }));
  app.get('/', (request, response) => {
    response.json(request.user === undefined ? null : account.parse(request.user).profile);
  });
  app.get('/refresh', async (request, response) => {
    const { refreshToken } = account.parse(request.user);
    const tokens = await refreshTokens(endpoints.token_endpoint, settings, refreshToken);
    response.json(await readUserInfo(endpoints.userinfo_endpoint, tokens.access_token));
  });
  app.get('/logout', (request, response) => {
    const { idToken } = account.parse(request.user);
    const query = new URLSearchParams({ id_token_hint: idToken, post_logout_redirect_uri: `${baseUrl}/` });
    request.session.destroy(() => {
      response.redirect(`${endpoints.end_session_endpoint}?${query.toString()}`);
    });
  });
  return app;
}
