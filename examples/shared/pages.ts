/** Renders pages and serves the style sheets. No page contains a script or an inline style. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import ejs from 'ejs';
import type { Context as KoaContext } from 'koa';
import { describe } from './identity.ts';
import type { Context } from './sessions.ts';
import {
  LANGUAGES,
  pickLanguage,
  sharedTranslations,
  translator,
  type Dictionary,
  type Translate,
} from './translations.ts';

/** Names and links that differ between the apps. */
export interface AppDesign {
  /** Needs `appName` and `appLead`; with `showEmptyState` also `noPermission` and `noRole`. */
  words: Dictionary;
  /** Folder with the application's views and its `theme.css`, with a slash at the end. */
  folder: URL;
}

export interface Action {
  label: string;
  href: string;
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

/** @throws Error when a style sheet or the icon is missing */
export async function createPages(design: AppDesign): Promise<Pages> {
  const assets = await readAssets(design.folder);
  const words: Dictionary = { ...sharedTranslations, ...design.words };
  const asset = (name: string): string => assets.get(`/assets/${name}`)?.href ?? '';

  const languageOf = (ctx: KoaContext, context?: Context): (typeof LANGUAGES)[number] =>
    pickLanguage(context?.person.locale, ctx.acceptsLanguages([...LANGUAGES]));
  const translate = (ctx: KoaContext, context?: Context): Translate => translator(words, languageOf(ctx, context));

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
    const t = translate(ctx, context);
    const page = {
      title: t('appName'),
      ...locals,
      t,
      asset,
      lang: languageOf(ctx, context),
      identity: context && describe({ t, language: languageOf(ctx, context) }, context),
      base: context && `/c/${context.ctx}`,
    };
    const main = await render(view, page);
    ctx.set('Cache-Control', 'no-store');
    ctx.vary('Accept-Language');
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

  return { translate, show, message, serveAsset };
}
