/**
 * Renders the pages and mails in `views/` and loads their assets. EJS in strict mode: every value is a property of `it`, and every value
 * except the rendered body is escaped. All templates are compiled at start, so a broken template prevents the start.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { extname, join, relative, sep } from 'node:path';
import ejs from 'ejs';
import { DEFAULT_LANGUAGE } from '../domain/text.ts';
import { brandCss, localizeBrand } from './brand.ts';
import type { Brand, BrandText } from './brand.ts';
import type { I18n, MessageParams } from './i18n.ts';
import type { MailLocals, MailName } from './mail-locals.ts';
import { markChinese } from './mark-chinese.ts';
import type { CommonLocals } from './page-locals/common.ts';
import type { PageLocals, PageName } from './page-locals/index.ts';

export interface Asset {
  body: Buffer;
  /** Content-Type. */
  type: string;
  /** The value of `?v=` that allows unlimited caching. */
  hash: string;
}

export interface Mail {
  /** Contains no line breaks. */
  subject: string;
  text: string;
  html: string;
}

/** Lines that any mail can have. */
export interface MailExtra {
  /** Phone numbers for the recipient, one for each school. */
  desks?: readonly string[];
  /** The request of the recipient that caused the mail: ms since 1970, and the stored name of the device. */
  request?: { at: number; device: string } | undefined;
}

export interface Templates {
  /** Renders a complete HTML page. */
  page<N extends PageName>(name: N, lang: string, locals: PageLocals[N] & CommonLocals): string;
  /** Returns the name of the service. */
  brandName(lang: string): string;
  mail<N extends MailName>(name: N, lang: string, locals: MailLocals[N], extra?: MailExtra): Mail;
  /** All files under `/assets/` by path, in memory. */
  readonly assets: ReadonlyMap<string, Asset>;
  /** Returns the URL of an asset: `style.css` → `/assets/style.css?v=…`. @throws {Error} when the file does not exist */
  asset(name: string): string;
}

/** Properties of `it` in every template. */
interface TemplateHelpers {
  t: (key: string, vars?: MessageParams) => string;
  lang: string;
  brand: BrandText;
  asset: (name: string) => string;
  when: (instant: number) => string;
  day: (day: string) => string;
  device: (name: string) => string;
  /** Formats a number of bytes. */
  size: (bytes: number) => string;
}

/** Set by a page for the layout. */
interface PageHead {
  title: string;
  /** `narrow` for one column, `wide` for account pages, `console` for the staff console. */
  width: 'narrow' | 'wide' | 'console';
  /** Style sheets to load in addition to style.css. */
  styles: string[];
  /** `data-` attributes of the body. */
  data: Record<string, string>;
  /** Adds the error to the start of the title, which a screen reader reads first. */
  failed: boolean;
  /** Seconds after which browsers without JavaScript load the page again. */
  refreshSeconds?: number;
  /** ES modules to load in addition to form.js. */
  modules: string[];
}

type Template = (it: object) => string;

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml; charset=utf-8',
  '.png': 'image/png',
  '.woff2': 'font/woff2',
};

/** The script of the package that public/passkey.js uses. */
const WEBAUTHN_SCRIPT = new URL('../dist/bundle/index.umd.min.js', import.meta.resolve('@simplewebauthn/browser'));
/** The modules of altcha-lib that solve a challenge in the browser, relative to its main module. They import one another by these paths. */
const SOLVER_FILES = ['pow.js', 'helpers.js', 'types.js', 'workers/shared.js', 'algorithms/web/pbkdf2.js'];

/** Returns 12 hex digits of SHA-256, enough to distinguish the versions of a file. */
export function assetHash(body: string | Buffer): string {
  return createHash('sha256').update(body).digest('hex').slice(0, 12);
}

/** Lists the paths of all files under `dir`, with `/` between folders. */
function listFiles(dir: string): string[] {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(dir, join(entry.parentPath, entry.name)).split(sep).join('/'));
}

function readAssets(publicDir: string, brand: Brand): Map<string, Asset> {
  const assets = new Map<string, Asset>();
  const add = (name: string, body: Buffer): void => {
    const type = TYPES[extname(name)];
    if (type === undefined) throw new Error(`${join(publicDir, name)}: unknown content type of this file extension`);
    assets.set(name, { body, type, hash: assetHash(body) });
  };
  for (const name of listFiles(publicDir)) add(name, readFileSync(join(publicDir, name)));
  add('simplewebauthn.js', readFileSync(WEBAUTHN_SCRIPT));
  for (const name of SOLVER_FILES)
    add(`altcha/${name}`, readFileSync(new URL(name, import.meta.resolve('altcha-lib'))));
  add('brand.css', Buffer.from(brandCss(brand)));
  if (!assets.has(brand.logo)) throw new Error(`${publicDir}: the brand's logo ${brand.logo} is missing`);
  return assets;
}

/** Compiles all templates. Those whose name ends in `.text` are plain text, the others HTML. */
function compileAll(viewsDir: string): Map<string, Template> {
  const views = listFiles(viewsDir).filter((name) => name.endsWith('.ejs'));
  return new Map(
    views.map((view) => {
      const filename = join(viewsDir, view);
      const name = view.slice(0, -'.ejs'.length);
      const template: Template = ejs.compile(readFileSync(filename, 'utf8'), {
        filename,
        views: [viewsDir],
        cache: true,
        strict: true,
        localsName: 'it',
        ...(name.endsWith('.text') ? { escape: String } : {}),
      });
      return [name, template];
    }),
  );
}

/** `180 kB`, `2.6 MB` */
function formatSize(bytes: number): string {
  const kilobytes = Math.max(1, Math.round(bytes / 1000));
  return kilobytes < 1000 ? `${String(kilobytes)} kB` : `${(kilobytes / 1000).toFixed(1)} MB`;
}

/** Marks Chinese names on pages in other languages. */
function marked(lang: string, html: string): string {
  return lang === DEFAULT_LANGUAGE ? html : markChinese(html);
}

/** Replaces line breaks, because the subject becomes a mail header. */
function toSingleLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}

/**
 * @param deps.publicDir files served under `/assets/`
 * @throws {Error} when a template does not compile, or the logo is missing
 */
export function createTemplates(deps: { viewsDir: string; publicDir: string; i18n: I18n; brand: Brand }): Templates {
  const { viewsDir, publicDir, i18n, brand } = deps;
  const assets = readAssets(publicDir, brand);
  const templates = compileAll(viewsDir);

  const asset = (name: string): string => {
    const found = assets.get(name);
    if (found === undefined) throw new Error(`unknown asset: ${name}`);
    return `/assets/${name}?v=${found.hash}`;
  };
  const render = (name: string, it: object): string => {
    const template = templates.get(name);
    if (template === undefined) throw new Error(`unknown view: ${name}`);
    return template(it);
  };
  const helpersFor = (lang: string): TemplateHelpers => ({
    t: (key, vars) => i18n.t(lang, key, vars),
    lang,
    brand: localizeBrand(brand, lang),
    asset,
    when: (instant) => i18n.formatDateTime(lang, instant),
    day: (day) => i18n.day(lang, day),
    size: formatSize,
    device: (name) => i18n.device(lang, name),
  });

  return {
    assets,
    asset,
    brandName: (lang) => localizeBrand(brand, lang).name,
    page: (name, lang, locals) => {
      const head: PageHead = { title: '', width: 'narrow', failed: false, modules: [], styles: [], data: {} };
      const it = {
        languageLinks: [],
        isBureau: false,
        hasRequests: false,
        hasFamilyRequests: false,
        hasApplications: false,
        hasSchoolSettings: false,
        ...locals,
        ...helpersFor(lang),
        head,
      };
      return marked(lang, render('layout', { ...it, body: render(name, it) }));
    },
    mail: (name, lang, locals, { desks = [], request } = {}) => {
      const head: PageHead = {
        title: '',
        width: 'narrow',
        failed: false,
        modules: [],
        styles: [],
        data: {},
      };
      const it = { ...locals, ...helpersFor(lang), desks, request, accent: brand.accent.light, head };
      const text = render(`mail/${name}.text`, it);
      const html = marked(lang, render('mail/layout', { ...it, body: render(`mail/${name}`, it) }));
      return { subject: toSingleLine(`${head.title}｜${it.brand.name}`), text, html };
    },
  };
}
