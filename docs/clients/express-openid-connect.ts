import { randomBytes } from 'node:crypto';

import express, { type Express } from 'express';
import { auth } from 'express-openid-connect';
import type { Settings } from './settings.ts';

export function createApp({ issuer, clientId, clientSecret, baseUrl }: Settings): Express {
  const app = express();
  app.use(
    // It adds /login, /callback and /logout.
    auth({
      issuerBaseURL: issuer,
      baseURL: baseUrl,
      clientID: clientId,
      clientSecret,
      secret: randomBytes(32).toString('hex'),
      authRequired: false,
      idpLogout: true,
      authorizationParams: { response_type: 'code', scope: 'openid profile offline_access', prompt: 'consent' },
    }),
  );
  app.get('/', async (request, response) => {
    response.json(request.oidc.isAuthenticated() ? await request.oidc.fetchUserInfo() : null);
  });
  app.get('/refresh', async (request, response) => {
    await request.oidc.accessToken?.refresh();
    response.redirect('/');
  });
  return app;
}
