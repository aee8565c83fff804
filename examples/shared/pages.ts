/** Renders pages and serves the style sheets. No page contains a script or an inline style. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import ejs from 'ejs';
import type { Context as KoaContext } from 'koa';
import { createFormats } from './formats.ts';
import { describe, type Wording } from './identity.ts';
import { languageOf } from './language.ts';
import type { Context } from './sessions.ts';
import {
  LANGUAGE_NAMES,
  LANGUAGES,
  sharedTranslations,
  translator,
  type Dictionary,
  type Language,
  type Translate,
} from './translations.ts';

/** Names and links that differ between the apps. */
export interface AppDesign {
  /** Short, for the cookies and the log. */
  name: string;
  /** Needs `appName` and `appLead`; with `showEmptyState` also `noPermission` and `noRole`. */
  words: Dictionary;
  /** Folder with the application's views and its `theme.css`, with a slash at the end. */
  folder: URL;
}

export interface Action {
  label: string;
  href: string;
  /** A button that sends a form. Default: a link. */
  method?: 'post';
}

export interface Message {
  status: number;
  title: string;
  text: string;
  actions: Action[];
  reference?: string;
}

export interface Pages {
  /** The translator for this request. */
  translate(ctx: KoaContext, context?: Context): Translate;
  /** The translator and the language of this request. */
  wording(ctx: KoaContext, context?: Context): Wording;
  show(ctx: KoaContext, view: string, locals: Record<string, unknown>, context?: Context): Promise<void>;
  message(ctx: KoaContext, message: Message, context?: Context): Promise<void>;
  /** Serves a style sheet or the icon. Returns false for any other path. */
  serveAsset(ctx: KoaContext): boolean;
}

interface Asset {
  type: string;
  content: Buffer;
  href: string;
}

const SHARED = new URL('./', import.meta.url);
const SHARED_VIEWS = new Set(['layout', 'start', 'message']);

async function readAssets(folder: URL): Promise<Map<string, Asset>> {
  const files = [
    { path: '/assets/style.css', source: new URL('style.css', SHARED), type: 'text/css' },
    { path: '/assets/theme.css', source: new URL('theme.css', folder), type: 'text/css' },
    { path: '/assets/icon.svg', source: new URL('icon.svg', folder), type: 'image/svg+xml' },
  ];
  const assets = files.map(async ({ path, source, type }): Promise<[string, Asset]> => {
    const content = await readFile(source);
    const version = createHash('sha256').update(content).digest('hex').slice(0, 12);
    return [path, { type, content, href: `${path}?v=${version}` }];
  });
  return new Map(await Promise.all(assets));
}

/** Links to this page in each language. A page that answers a form has no address of its own, so they lead to the start page. */
function languageLinks({ method, url }: KoaContext, current: Language) {
  const back = method === 'GET' && !url.startsWith('/callback') ? url : '/';
  return LANGUAGES.map((lang) => ({
    lang,
    label: LANGUAGE_NAMES[lang],
    current: lang === current,
    href: `/language?${new URLSearchParams({ to: lang, back }).toString()}`,
  }));
}

/**
 * @param issuer the sign-in service, which has the account page
 * @throws Error when a style sheet or the icon is missing
 */
export async function createPages(design: AppDesign, issuer: string): Promise<Pages> {
  const assets = await readAssets(design.folder);
  const words: Dictionary = { ...sharedTranslations, ...design.words };
  const asset = (name: string): string => assets.get(`/assets/${name}`)?.href ?? '';

  const accountUrl = new URL('/account', issuer).href;
  const wording = (ctx: KoaContext, context?: Context): Wording => {
    const language = languageOf(ctx, design.name, context);
    return { t: translator(words, language), language };
  };

  const file = (view: string): string =>
    fileURLToPath(new URL(`views/${view}.ejs`, SHARED_VIEWS.has(view) ? SHARED : design.folder));
  const render = (view: string, page: Record<string, unknown>): Promise<string> =>
    ejs.renderFile(file(view), page, { cache: true, strict: true, localsName: 'page' });

  async function show(
    ctx: KoaContext,
    view: string,
    locals: Record<string, unknown>,
    context?: Context,
  ): Promise<void> {
    const { t, language } = wording(ctx, context);
    const page = {
      title: t('appName'),
      scope: undefined,
      ...locals,
      ...createFormats(t, language),
      t,
      asset,
      lang: language,
      languages: languageLinks(ctx, language),
      accountUrl,
      identity: context && describe({ t, language }, context),
      base: context && `/c/${context.ctx}`,
    };
    const main = await render(view, page);
    ctx.set('Cache-Control', 'no-store');
    ctx.vary('Accept-Language, Cookie');
    ctx.type = 'html';
    ctx.body = await render('layout', { ...page, main });
  }

  async function message(ctx: KoaContext, { status, ...locals }: Message, context?: Context): Promise<void> {
    ctx.status = status;
    await show(ctx, 'message', { reference: undefined, ...locals }, context);
  }

  function serveAsset(ctx: KoaContext): boolean {
    const found = assets.get(ctx.path);
    if (found === undefined || !['GET', 'HEAD'].includes(ctx.method)) return false;
    ctx.set('Cache-Control', 'public, max-age=31536000, immutable');
    ctx.type = found.type;
    ctx.body = found.content;
    return true;
  }

  const translate = (ctx: KoaContext, context?: Context): Translate => wording(ctx, context).t;

  return { translate, wording, show, message, serveAsset };
}
