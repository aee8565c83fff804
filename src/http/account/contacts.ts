import type Router from '@koa/router';
import type { Context } from 'koa';
import { z } from 'zod';
import {
  formatLocalMobile,
  isAccountName,
  isEmail,
  normalizeText,
  parseMobile,
} from '../../domain/credentials/identifiers.ts';
import { cookieNames, UNSIGNED_COOKIE } from '../../oidc/options/cookies.ts';
import { MINUTE_MS } from '../../domain/duration.ts';
import { DEFAULT_LANGUAGE } from '../../domain/text.ts';
import { CONFIRMATION_MINUTES, type ContactChange } from '../../services/people/contacts.ts';
import type { HttpDeps } from '../deps.ts';
import { field, parseForms, readForm } from '../forms/body.ts';
import { throttledText } from '../forms/password-form.ts';
import { requireRecentSignIn, requireSignIn, type Handler, type SignedInPerson } from './session.ts';

const PATH = '/account/contacts';
const CONFIRM_PATH = '/account/email/confirm';
const CONTACT_KINDS = ['email', 'mobile', 'account'] as const;
type ContactKind = (typeof CONTACT_KINDS)[number];

const REMOVABLE_KINDS = ['mobile', 'account'] as const;

const NOTICES = [
  ...['emailSent', 'emailChanged', 'mobileChanged', 'accountChanged', 'mobileRemoved', 'accountRemoved'],
  ...['unchanged', 'language', 'confirmed'],
];
const notice = z.enum(NOTICES);
const contactForm = z.object({ email: field, mobile: field, account: field });
const languageForm = z.object({ language: field });
const tokenShape = z.string().regex(/^[A-Za-z0-9_-]{43}$/);

/** The rejected input and its messages. The page shows them with the stored contacts. */
interface Problem {
  status: number;
  errors?: Partial<Record<ContactKind, string>>;
  values?: Partial<Record<ContactKind, string>>;
  alert?: string;
}

/** Adds the pages on which people change their email address, mobile number, account name and language. */
export function addContactRoutes(router: Router, deps: HttpDeps): void {
  const forms = parseForms();
  router.get(
    '/contacts',
    requireRecentSignIn(deps, (ctx, signedIn) => showContacts(deps, ctx, signedIn), { returnPath: () => PATH }),
  );
  for (const kind of CONTACT_KINDS) {
    router.post(
      `/contacts/${kind}`,
      forms,
      requireRecentSignIn(
        deps,
        (ctx, signedIn) => {
          ctx.state['pagePath'] = PATH;
          return submitContact(deps, ctx, signedIn, kind);
        },
        { returnPath: () => `${PATH}?done=confirmed` },
      ),
    );
  }
  for (const kind of REMOVABLE_KINDS) {
    const handler: Handler = (ctx, signedIn) => removeContact(deps, ctx, signedIn, kind);
    router.post(
      `/contacts/${kind}/remove`,
      requireRecentSignIn(deps, handler, { returnPath: () => `${PATH}?done=confirmed` }),
    );
  }
  router.post(
    '/language',
    forms,
    requireSignIn(deps, (ctx, signedIn) => submitLanguage(deps, ctx, signedIn)),
  );
  router.get('/email/confirm', (ctx, next) => exchangeToken(ctx, next), showConfirmation(deps));
  router.post(
    '/email/confirm',
    requireRecentSignIn(deps, (ctx, signedIn) => confirmEmail(deps, ctx, signedIn), AFTER_CONFIRMATION),
  );
}

async function showContacts(
  deps: HttpDeps,
  ctx: Context,
  { facts }: SignedInPerson,
  problem: Problem = { status: 200 },
): Promise<void> {
  const { contacts, pages, i18n } = deps;
  const pending = await contacts.listPending(facts.id);
  const valueOf = (kind: ContactKind): string | undefined =>
    facts.identifiers.find((identifier) => identifier.kind === kind)?.value;
  const pendingOf = (kind: 'email' | 'mobile'): string | undefined => pending.find((one) => one.kind === kind)?.value;
  const [mobile, pendingMobile] = [valueOf('mobile'), pendingOf('mobile')];
  const email = facts.identifiers.find(({ kind }) => kind === 'email');
  const locale = i18n.negotiate({ personLocale: facts.locale ?? DEFAULT_LANGUAGE });
  const done = notice.safeParse(ctx.query['done']);
  pages.show(
    ctx,
    'account/contacts',
    {
      email,
      pendingEmail: pendingOf('email'),
      mobile: mobile && formatLocalMobile(mobile),
      pendingMobile: pendingMobile && formatLocalMobile(pendingMobile),
      account: valueOf('account'),
      values: { email: '', mobile: '', account: '', ...problem.values },
      languages: i18n.languages.map((tag) => ({ tag, name: i18n.names[tag] ?? tag, isChosen: tag === locale })),
      errors: problem.errors ?? {},
      alert: problem.alert,
      notice: done.success ? pages.t(ctx, `contacts.notice.${done.data}`) : undefined,
    },
    problem.status,
  );
}

/** Parses an entered contact. @returns undefined if it is none */
function parseContact(kind: ContactKind, typed: string): string | undefined {
  if (kind === 'mobile') return parseMobile(typed);
  const value = normalizeText(typed).toLowerCase();
  return (kind === 'email' ? isEmail(value) : isAccountName(value)) ? value : undefined;
}

async function submitContact(deps: HttpDeps, ctx: Context, signedIn: SignedInPerson, kind: ContactKind): Promise<void> {
  const typed = readForm(ctx, contactForm)[kind];
  const value = parseContact(kind, typed);
  const reject = (error: string): Promise<void> =>
    showContacts(deps, ctx, signedIn, { status: 422, errors: { [kind]: error }, values: { [kind]: typed } });
  if (value === undefined) return reject(deps.pages.t(ctx, `contacts.invalid.${kind}`));
  const result = await change(deps, kind, { personId: signedIn.facts.id, value, address: ctx.ip });
  switch (result.kind) {
    case 'limited': {
      const alert = throttledText(deps, ctx, result.until, 'contacts.tooMany');
      return showContacts(deps, ctx, signedIn, { status: 429, alert, values: { [kind]: typed } });
    }
    case 'taken': {
      const { suggestion } = result;
      const key = suggestion === undefined ? 'contacts.taken.plain' : 'contacts.taken.suggestion';
      return reject(deps.pages.t(ctx, key, { name: suggestion ?? '' }));
    }
    case 'sent':
      redirectTo(ctx, 'emailSent');
      return;
    case 'unchanged':
      redirectTo(ctx, 'unchanged');
      return;
    case 'changed':
      redirectTo(ctx, `${kind}Changed`);
  }
}

type ChangeResult = Awaited<ReturnType<HttpDeps['contacts']['requestEmail' | 'requestMobile' | 'changeAccountName']>>;

function change({ contacts }: HttpDeps, kind: ContactKind, of: ContactChange): Promise<ChangeResult> {
  if (kind === 'email') return contacts.requestEmail(of);
  return kind === 'mobile' ? contacts.requestMobile(of) : contacts.changeAccountName(of);
}

async function removeContact(
  deps: HttpDeps,
  ctx: Context,
  signedIn: SignedInPerson,
  kind: (typeof REMOVABLE_KINDS)[number],
): Promise<void> {
  ctx.state['pagePath'] = PATH;
  const result = await deps.contacts.removeLogin({ personId: signedIn.facts.id, kind, address: ctx.ip });
  switch (result.kind) {
    case 'limited': {
      const alert = throttledText(deps, ctx, result.until, 'contacts.tooMany');
      return showContacts(deps, ctx, signedIn, { status: 429, alert });
    }
    case 'only_login':
      return showContacts(deps, ctx, signedIn, { status: 422, alert: deps.pages.t(ctx, 'contacts.onlyLogin') });
    case 'unchanged':
      redirectTo(ctx, 'unchanged');
      return;
    case 'removed':
      redirectTo(ctx, `${kind}Removed`);
  }
}

async function submitLanguage(deps: HttpDeps, ctx: Context, { facts, sessionHash }: SignedInPerson): Promise<void> {
  ctx.state['pagePath'] = PATH;
  const { language } = readForm(ctx, languageForm);
  if (!deps.i18n.languages.includes(language)) {
    deps.pages.message(ctx, 'badRequest', { status: 422 });
    return;
  }
  deps.rateLimiter.admitPerson('account', { personId: facts.id, sessionHash });
  if (language !== facts.locale) {
    await deps.contacts.changeLanguage({ personId: facts.id, locale: language, address: ctx.ip });
  }
  redirectTo(ctx, 'language');
}

/**
 * Moves the token of the link from the URL into a cookie, because a URL gets into the history, and a sign-in may come first. Programs that
 * check links open them, so the link itself changes nothing: the page has a button.
 */
async function exchangeToken(ctx: Context, next: () => Promise<unknown>): Promise<void> {
  if (ctx.query['token'] === undefined) {
    await next();
    return;
  }
  const token = tokenShape.safeParse(ctx.query['token']).data;
  if (token !== undefined) {
    const maxAge = CONFIRMATION_MINUTES * MINUTE_MS;
    ctx.cookies.set(cookieNames(ctx.secure).emailConfirmation, token, { ...UNSIGNED_COOKIE, maxAge });
  }
  ctx.set('cache-control', 'no-store');
  ctx.status = 303;
  ctx.redirect(CONFIRM_PATH);
}

function tokenOf(ctx: Context): string {
  return tokenShape.safeParse(ctx.cookies.get(cookieNames(ctx.secure).emailConfirmation)).data ?? '';
}

const AFTER_CONFIRMATION = { returnPath: () => CONFIRM_PATH };

/**
 * Only the person who asked for the link can use it. A forwarded link confirms no address for another account. The sign-in must be recent
 * again, because the new address can reset the password: a copied session cookie soon becomes too old.
 */
function showConfirmation(deps: HttpDeps): ReturnType<typeof requireSignIn> {
  return requireRecentSignIn(
    deps,
    async (ctx, { facts }) => {
      const email = await deps.contacts.findEmail(facts.id, tokenOf(ctx));
      if (email === undefined) showExpired(deps, ctx, 'expired');
      else deps.pages.show(ctx, 'account/contacts-confirm', { email });
    },
    AFTER_CONFIRMATION,
  );
}

async function confirmEmail(deps: HttpDeps, ctx: Context, { facts }: SignedInPerson): Promise<void> {
  ctx.state['pagePath'] = CONFIRM_PATH;
  const result = await deps.contacts.confirmEmail({ personId: facts.id, token: tokenOf(ctx), address: ctx.ip });
  ctx.cookies.set(cookieNames(ctx.secure).emailConfirmation, null, UNSIGNED_COOKIE);
  if (result === 'changed') redirectTo(ctx, 'emailChanged');
  else showExpired(deps, ctx, result);
}

function showExpired({ pages }: HttpDeps, ctx: Context, why: 'expired' | 'taken'): void {
  const actions = [{ label: pages.t(ctx, 'contacts.back'), href: PATH, primary: true }];
  const status = why === 'expired' ? 410 : 409;
  const title = pages.t(ctx, `contacts.linkTitle.${why}`);
  pages.show(ctx, 'message', { title, text: pages.t(ctx, `contacts.linkText.${why}`), actions, status }, status);
}

function redirectTo(ctx: Context, done: string): void {
  ctx.status = 303;
  ctx.redirect(`${PATH}?done=${done}`);
}
