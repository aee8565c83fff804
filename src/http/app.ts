import type { IncomingMessage } from 'node:http';
import type Koa from 'koa';
import { z } from 'zod';
import type { HttpDeps } from './deps.ts';
import { pathOf, pinOrigin } from './middleware/issuer-origin.ts';
import { startsSignIn } from './middleware/load-shedding.ts';
import { createMiddlewares } from './middleware-order.ts';
import { isPriorityRequest } from './paths.ts';
import type { Handler } from './server/in-flight-tracker.ts';
import { scheduleRequests } from './server/request-scheduler.ts';

/** Error codes of Node for a client that disconnects during a request or a response, or sends half a request. */
const CLIENT_DISCONNECT = /^(ECONNRESET|ECONNABORTED|EPIPE|ERR_STREAM_PREMATURE_CLOSE|HPE_.*)$/;
const errorWithCode = z.object({ code: z.string() });

/** Creates the request handler. The provider is the Koa app, so our middlewares run before its own routes. */
export function createApp(deps: HttpDeps): Handler {
  const { oidc, issuer, log } = deps;
  const app: Koa = oidc.provider;
  // Errors outside of the middlewares. Without a listener Koa prints them on standard error.
  app.on('error', (error: unknown) => {
    const { code = '' } = errorWithCode.safeParse(error).data ?? {};
    if (CLIENT_DISCONNECT.test(code)) log.info({ code }, 'client disconnected');
    else log.error({ err: error }, 'failed to send the response');
  });
  pinOrigin(app, issuer, deps.trustedProxies);
  for (const middleware of createMiddlewares(deps)) app.use(middleware);
  const handle = app.callback();
  const sessionCookie = `${oidc.provider.cookieName('session')}=`;
  /** Returns true if load shedding rejects the request without a query: without the cookie there is no session to read. */
  const isShed = (request: IncomingMessage): boolean =>
    startsSignIn(request) && deps.isOverloaded() && request.headers.cookie?.includes(sessionCookie) !== true;
  const schedule = scheduleRequests(handle, (request) => isPriorityRequest(request.url ?? '') || isShed(request));
  return (request, response) => {
    request.url = pathOf(request.url);
    return schedule(request, response);
  };
}
