import type { Context } from 'koa';
import { errors, type KoaContextWithOIDC } from 'oidc-provider';
import { clientName } from '../../config/clients.ts';
import { localize } from '../../config/localized-text.ts';
import type { School } from '../../domain/model.ts';
import { DEFAULT_LANGUAGE } from '../../domain/text.ts';
import { RateLimitedError, DatabaseUnavailableError } from '../../platform/errors.ts';
import type { I18n, MessageParams } from '../../presentation/i18n.ts';
import type { DYNAMIC_KEYS } from '../../presentation/i18n.ts';
import type { CommonLocals, MessageLocals, PageLocals, PageName } from '../../presentation/page-locals.ts';
import type { Templates } from '../../presentation/templates.ts';
import { ACCOUNT_CLIENT_ID, type ClientRegistry } from '../../services/access/client-registry.ts';
import { findReturnLink } from '../provider/return-link.ts';

type MessageKind = (typeof DYNAMIC_KEYS)['message'][number];

/** Draws pages: one language for each request, the same head and foot, never cached. */
export interface Pages {
  langOf(ctx: Context): string;
  t(ctx: Context, key: string, vars?: MessageParams): string;
  show<N extends PageName>(ctx: Context, name: N, locals: PageLocals[N] & CommonLocals, status?: number): void;
  /** A page that says what happened and what to do next. */
  message(ctx: Context, kind: MessageKind, options: MessageOptions): void;
  /** The name of an app in the language of the request; of one that is not registered any more, its id. */
  appName(ctx: Context, clientId: string): string;
  schoolName(ctx: Context, school: School | undefined): string | undefined;
}

export interface MessageOptions {
  status: number;
  /** The app that the person was on the way to; the page then leads back there. */
  clientId?: string | undefined;
  reference?: string | undefined;
  /** The same address, where it is worth another try: the first button. */
  again?: string;
}

interface Deps {
  templates: Templates;
  i18n: I18n;
  clients: ClientRegistry;
}

export function createPages({ templates, i18n, clients }: Deps): Pages {
  const langOf = (ctx: Context): string => {
    const lang: unknown = ctx.state['lang'];
    return typeof lang === 'string' ? lang : i18n.negotiate({ acceptLanguage: ctx.get('accept-language') });
  };
  const t: Pages['t'] = (ctx, key, vars) => i18n.t(langOf(ctx), key, vars);
  const show: Pages['show'] = (ctx, name, locals, status = 200) => {
    ctx.status = status;
    ctx.type = 'html';
    ctx.set('cache-control', 'no-store');
    ctx.body = templates.page(name, langOf(ctx), { languageLinks: languageLinks(ctx, i18n, langOf(ctx)), ...locals });
  };
  const appName: Pages['appName'] = (ctx, clientId) => {
    const client = clients.find(clientId);
    return client === undefined ? clientId : clientName(client, langOf(ctx));
  };
  const schoolName: Pages['schoolName'] = (ctx, school) =>
    school && localize({ [DEFAULT_LANGUAGE]: school.name, en: school.nameEn }, langOf(ctx));
  /** Where a step is over, a new sign-in is the way on; where the app itself did something wrong, that would go in a circle. */
  const backToApp = (ctx: Context, kind: MessageKind, clientId = ACCOUNT_CLIENT_ID): MessageLocals['actions'] => {
    if (clientId === ACCOUNT_CLIENT_ID) return [];
    const href = kind === 'expired' ? clients.launchUrl(clientId) : clients.find(clientId)?.client_uri;
    if (href === undefined) return [];
    return [{ label: t(ctx, 'action.backToApp', { app: appName(ctx, clientId) }), href, primary: true }];
  };
  const tryAgain = (ctx: Context, href: string | undefined): MessageLocals['actions'] =>
    href === undefined ? [] : [{ label: t(ctx, 'action.again'), href, primary: true }];
  const message: Pages['message'] = (ctx, kind, { status, clientId, reference, again }) => {
    const back = [...tryAgain(ctx, again), ...backToApp(ctx, kind, clientId)];
    show(
      ctx,
      'message',
      {
        title: t(ctx, `message.${kind}.title`),
        text: t(ctx, `message.${kind}.text`),
        actions: [...back, { label: t(ctx, 'action.home'), href: '/account', primary: back.length === 0 }],
        status,
        reference,
      },
      status,
    );
  };
  return { langOf, t, show, message, appName, schoolName };
}

/** Links that come back to this page; after a form, to the page that shows it. */
function languageLinks(ctx: Context, i18n: I18n, current: string): CommonLocals['languageLinks'] {
  const shown: unknown = ctx.state['pagePath'];
  const back = typeof shown === 'string' ? shown : ctx.path + ctx.search;
  return i18n.languages.map((lang) => ({
    lang,
    label: i18n.names[lang] ?? lang,
    href: `/language?${new URLSearchParams({ to: lang, back }).toString()}`,
    current: lang === current,
  }));
}

/** The page for an answer that failed on the way: a route that is not there, an error that nobody caught. */
export function showFailure(pages: Pages, ctx: Context, { status, reference, error }: Failure): void {
  if (error instanceof RateLimitedError) ctx.set('retry-after', String(error.retryAfterSeconds));
  const kind = kindOfError(error) ?? kindOf(status);
  const clientId = kind === 'expired' ? findReturnLink(ctx) : undefined;
  pages.message(ctx, kind, { status, clientId, reference: status >= 500 ? reference : undefined });
}

interface Failure {
  status: number;
  reference: string;
  error?: unknown;
}

function kindOfError(error: unknown): MessageKind | undefined {
  if (error instanceof DatabaseUnavailableError) return 'unavailable';
  return error instanceof RateLimitedError && error.isOfPerson ? 'tooManyOfPerson' : undefined;
}

function kindOf(status: number): MessageKind {
  switch (status) {
    case 403:
      return 'forbidden';
    case 404:
      return 'notFound';
    case 405:
      return 'methodNotAllowed';
    case 409:
    case 410:
      return 'expired';
    case 429:
      return 'tooManyRequests';
    case 503:
      return 'busy';
    default:
      return status < 500 ? 'badRequest' : 'failed';
  }
}

/** Errors of the provider that can not go back to the app: a wrong redirect URI, an expired step. */
export function showProviderError(pages: Pages, ctx: KoaContextWithOIDC, error: Error): void {
  const status = error instanceof errors.OIDCProviderError ? error.statusCode : 500;
  const requestId = ctx.response.get('x-request-id');
  if (error instanceof DatabaseUnavailableError || error instanceof RateLimitedError) {
    showFailure(pages, ctx, { status: error.statusCode, reference: requestId, error });
    return;
  }
  const clientId = ctx.oidc.client?.clientId;
  // The same answer as where our own pages find that a step is over: 410, and a way back to the app.
  if (error instanceof errors.SessionNotFound)
    pages.message(ctx, 'expired', { clientId: clientId ?? findReturnLink(ctx), status: 410 });
  else pages.message(ctx, status >= 500 ? 'failed' : 'oauth', { clientId, reference: requestId, status });
}
