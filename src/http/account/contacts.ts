import type Router from '@koa/router';
import type { Context } from 'koa';
import { z } from 'zod';
import { isAccountName, isEmail, normalizeLoginName, parseMobile } from '../../domain/credentials/identifiers.ts';
import type { ContactChange } from '../../services/people/contacts.ts';
import type { HttpDeps } from '../deps.ts';
import { field, parseForms, readForm } from '../forms/body.ts';
import { throttledText } from '../forms/password-form.ts';
import { setChosenLanguage } from '../middleware/locale.ts';
import { CONTACTS_PATH, redirectToContacts } from './contact-notice.ts';
import { CONTACT_KINDS, formatContact, rejectContact, showContacts, type ContactKind } from './contact-page.ts';
import { REMOVABLE_KINDS, removeContact, showRemoval } from './contact-removal.ts';
import { deviceOf } from './device-name.ts';
import { addEmailConfirmationRoutes } from './email-confirmation.ts';
import { addEmailRevertRoutes } from './email-revert.ts';
import { requireRecentSignIn, requireSignIn, type SignedInPerson } from './session.ts';

const contactForm = z.object({ email: field, mobile: field, account: field });
const languageForm = z.object({ language: field });

/** Adds the pages on which people change their email address, mobile number, account name and language. */
export function addContactRoutes(router: Router, deps: HttpDeps): void {
  const forms = parseForms();
  router.get(
    '/contacts',
    requireRecentSignIn(deps, (ctx, signedIn) => showContacts(deps, ctx, signedIn), {
      returnPath: () => CONTACTS_PATH,
    }),
  );
  for (const kind of CONTACT_KINDS) {
    router.post(
      `/contacts/${kind}`,
      forms,
      requireRecentSignIn(
        deps,
        (ctx, signedIn) => {
          ctx.state['pagePath'] = CONTACTS_PATH;
          return submitContact(deps, ctx, signedIn, kind);
        },
        { returnPath: () => CONTACTS_PATH },
      ),
    );
  }
  for (const kind of REMOVABLE_KINDS) {
    const path = `/contacts/${kind}/remove`;
    const options = { returnPath: () => `/account${path}` };
    router.get(
      path,
      requireRecentSignIn(deps, (ctx, signedIn) => showRemoval(deps, ctx, signedIn, kind), options),
    );
    router.post(
      path,
      requireRecentSignIn(deps, (ctx, signedIn) => removeContact(deps, ctx, signedIn, kind), options),
    );
  }
  router.post(
    '/language',
    forms,
    requireSignIn(deps, (ctx, signedIn) => submitLanguage(deps, ctx, signedIn)),
  );
  addEmailConfirmationRoutes(router, deps);
  addEmailRevertRoutes(router, deps);
}

/** Parses an entered contact. @returns undefined if it is none */
function parseContact(kind: ContactKind, typed: string): string | undefined {
  if (kind === 'mobile') return parseMobile(typed);
  const value = normalizeLoginName(typed);
  return (kind === 'email' ? isEmail(value) : isAccountName(value)) ? value : undefined;
}

async function submitContact(deps: HttpDeps, ctx: Context, signedIn: SignedInPerson, kind: ContactKind): Promise<void> {
  const typed = readForm(ctx, contactForm)[kind];
  const value = parseContact(kind, typed);
  const reject = (error: string): void => {
    rejectContact(deps, ctx, signedIn, { status: 422, errors: { [kind]: error }, values: { [kind]: typed } });
  };
  if (value === undefined) {
    reject(deps.pages.t(ctx, `contacts.invalid.${kind}`));
    return;
  }
  const result = await change(deps, kind, {
    personId: signedIn.facts.id,
    sessionHash: signedIn.sessionHash,
    value,
    address: ctx.ip,
    deviceName: deviceOf(ctx),
    lang: deps.pages.langOf(ctx),
  });
  switch (result.kind) {
    case 'limited': {
      const alert = throttledText(deps, ctx, result.until, 'contacts.tooMany');
      rejectContact(deps, ctx, signedIn, { status: 429, alert, values: { [kind]: typed } });
      return;
    }
    case 'taken': {
      const { suggestion } = result;
      const key = suggestion === undefined ? 'contacts.taken.plain' : 'contacts.taken.suggestion';
      reject(deps.pages.t(ctx, key, { name: suggestion ?? '' }));
      return;
    }
    case 'sent':
      redirectToContacts(deps, ctx, 'emailSent', { value });
      return;
    case 'unchanged':
      redirectToContacts(deps, ctx, 'unchanged', {});
      return;
    case 'changed':
      redirectToContacts(deps, ctx, `${kind}Changed`, {
        value: formatContact([{ kind, value }], kind),
        before: formatContact(signedIn.facts.identifiers, kind),
      });
  }
}

type ChangeResult = Awaited<ReturnType<HttpDeps['contacts']['requestEmail' | 'requestMobile' | 'changeAccountName']>>;

function change(
  { contacts }: HttpDeps,
  kind: ContactKind,
  of: ContactChange & { lang: string },
): Promise<ChangeResult> {
  if (kind === 'email') return contacts.requestEmail(of);
  return kind === 'mobile' ? contacts.requestMobile(of) : contacts.changeAccountName(of);
}

async function submitLanguage(deps: HttpDeps, ctx: Context, { facts, sessionHash }: SignedInPerson): Promise<void> {
  ctx.state['pagePath'] = CONTACTS_PATH;
  const { language } = readForm(ctx, languageForm);
  if (!deps.i18n.languages.includes(language)) {
    deps.pages.message(ctx, 'badRequest', { status: 422 });
    return;
  }
  deps.rateLimiter.admitPerson('account', { personId: facts.id, sessionHash });
  await deps.contacts.changeLanguage({ personId: facts.id, locale: language, address: ctx.ip });
  // An earlier choice in the page header would take precedence.
  setChosenLanguage(ctx, deps, language, true);
  const before = facts.locale === language ? undefined : facts.locale;
  redirectToContacts(deps, ctx, 'language', { value: deps.i18n.names[language], before });
}
