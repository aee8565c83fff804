import { readFileSync } from 'node:fs';
import { Router } from '@koa/router';
import Koa, { type Middleware } from 'koa';
import type { Message, Mailbox } from './mailbox.ts';
import { framedHtml, inboxPage, messagePage, missingPage } from './pages.ts';

const PAGE_CSP =
  "default-src 'none'; style-src 'self'; img-src data:; frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/** Mail contains untrusted HTML: no scripts, forms or requests. A link may open a tab. */
const MAIL_CSP =
  "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'";

const style = readFileSync(new URL('style.css', import.meta.url), 'utf8');

const headers: Middleware = async (ctx, next) => {
  ctx.set({
    'Content-Security-Policy': PAGE_CSP,
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'no-referrer',
    'Cache-Control': 'no-store',
  });
  await next();
};

/** Creates the web mailbox, with `/api/messages` for tests (`?to=` filters by recipient). */
export function createInbox(messages: Mailbox): Koa {
  const find = (id: string | undefined): Message | undefined => messages.all().find((message) => message.id === id);
  const router = new Router();
  router.get('/', (ctx) => {
    ctx.body = inboxPage(messages.all());
  });
  router.get('/style.css', (ctx) => {
    ctx.type = 'css';
    ctx.body = style;
  });
  router.get('/messages/:id', (ctx) => {
    const message = find(ctx.params['id']);
    if (message !== undefined) ctx.body = messagePage(message);
  });
  router.get('/messages/:id/html', (ctx) => {
    const body = find(ctx.params['id'])?.html;
    if (body === undefined || body === null) return;
    ctx.set('Content-Security-Policy', MAIL_CSP);
    ctx.type = 'html';
    ctx.body = framedHtml(body);
  });
  router.get('/api/messages', (ctx) => {
    const { to } = ctx.query;
    ctx.body = messages.all().filter((message) => typeof to !== 'string' || message.to.includes(to));
  });
  router.get('/api/messages/:id', (ctx) => {
    const message = find(ctx.params['id']);
    if (message !== undefined) ctx.body = message;
  });
  const app = new Koa();
  app.use(headers);
  app.use(async (ctx, next) => {
    await next();
    if (ctx.status !== 404) return;
    ctx.body = missingPage();
    ctx.status = 404;
  });
  app.use(router.routes());
  return app;
}
