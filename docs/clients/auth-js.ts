import { randomBytes } from 'node:crypto';

import { ExpressAuth, getSession, type ExpressAuthConfig } from '@auth/express';
import express, { type Express } from 'express';
import { z } from 'zod';
import { discover, readUserInfo, refreshTokens } from './endpoints.ts';
import type { Settings } from './settings.ts';

/** The part of Auth.js's encrypted cookie that the app needs. */
const stored = z.looseObject({ access_token: z.string(), refresh_token: z.string(), expires_at: z.number() });

export async function createApp(settings: Settings): Promise<Express> {
  const { issuer, clientId, clientSecret, baseUrl } = settings;
  const endpoints = await discover(issuer);
  const config: ExpressAuthConfig = {
    trustHost: true,
    secret: randomBytes(32).toString('hex'),
    providers: [
      {
        id: 'kinpass',
        name: 'Kinpass',
        type: 'oidc',
        issuer,
        clientId,
        clientSecret,
        authorization: { params: { scope: 'openid profile offline_access', prompt: 'consent' } },
        idToken: false,
      },
    ],
    callbacks: {
      // Runs at the sign-in, with `account`, and whenever the app reads the session.
      jwt: async ({ token, account }) => {
        if (account) return { ...token, ...account };
        const { refresh_token, expires_at } = stored.parse(token);
        if (Date.now() < expires_at * 1000) return token;
        const next = await refreshTokens(endpoints.token_endpoint, settings, refresh_token);
        return { ...token, ...next, expires_at: Math.floor(Date.now() / 1000) + next.expires_in };
      },
      session: async ({ session, token }) => {
        const claims = await readUserInfo(endpoints.userinfo_endpoint, stored.parse(token).access_token);
        return { ...session, claims };
      },
    },
  };

  const app = express();
  // Express 5 needs a regular expression here: Auth.js reads its group.
  app.use(/^\/auth\/(.*)/, ExpressAuth(config));
  app.get('/', async (request, response) => {
    response.json(await getSession(request, config));
  });
  // The target of the form that posts to /auth/signout.
  app.get('/signed-out', (_request, response) => {
    const query = new URLSearchParams({ client_id: clientId, post_logout_redirect_uri: `${baseUrl}/` });
    response.redirect(`${endpoints.end_session_endpoint}?${query.toString()}`);
  });
  return app;
}
