import type { Context } from 'koa';
import { isOnlyLogin } from '../../services/people/login-changes.ts';
import type { HttpDeps } from '../deps.ts';
import { throttledText } from '../forms/password-form.ts';
import { CONTACTS_PATH, redirectToContacts } from './contact-notice.ts';
import { formatContact, rejectContact } from './contact-page.ts';
import { deviceOf } from './device-name.ts';
import type { SignedInPerson } from './session.ts';

/** An email address can be replaced, but not removed: notices go to it. */
export const REMOVABLE_KINDS = ['mobile', 'account'] as const;
type RemovableKind = (typeof REMOVABLE_KINDS)[number];

/** `GET /account/contacts/mobile/remove`: says what the removal of a login does. */
export async function showRemoval(
  deps: HttpDeps,
  ctx: Context,
  signedIn: SignedInPerson,
  kind: RemovableKind,
): Promise<void> {
  const { facts } = signedIn;
  if (isOnlyLogin(facts, kind)) {
    rejectOnlyLogin(deps, ctx, signedIn);
    return;
  }
  const login = formatContact(facts.identifiers, kind);
  const pending = formatContact(await deps.contacts.listPending(facts.id), kind);
  if (login === undefined && pending === undefined) {
    ctx.status = 303;
    ctx.redirect(CONTACTS_PATH);
    return;
  }
  deps.pages.show(ctx, 'account/contact-removal', { kind, login, pending });
}

/** `POST /account/contacts/mobile/remove`: removes the login unless it is the only one. */
export async function removeContact(
  deps: HttpDeps,
  ctx: Context,
  signedIn: SignedInPerson,
  kind: RemovableKind,
): Promise<void> {
  ctx.state['pagePath'] = CONTACTS_PATH;
  const { facts, sessionHash } = signedIn;
  const pending = await deps.contacts.listPending(facts.id);
  const before = formatContact([...facts.identifiers, ...pending], kind);
  const result = await deps.contacts.removeLogin({
    personId: facts.id,
    sessionHash,
    kind,
    address: ctx.ip,
    deviceName: deviceOf(ctx),
    lang: deps.pages.langOf(ctx),
  });
  switch (result.kind) {
    case 'limited': {
      const alert = throttledText(deps, ctx, result.until, 'contacts.tooMany');
      rejectContact(deps, ctx, signedIn, { status: 429, alert });
      return;
    }
    case 'only_login':
      rejectOnlyLogin(deps, ctx, signedIn);
      return;
    case 'unchanged':
      redirectToContacts(deps, ctx, 'unchanged', {});
      return;
    case 'removed':
      redirectToContacts(deps, ctx, `${kind}Removed`, { value: before, before });
  }
}

function rejectOnlyLogin(deps: HttpDeps, ctx: Context, signedIn: SignedInPerson): void {
  rejectContact(deps, ctx, signedIn, { status: 422, alert: deps.pages.t(ctx, 'contacts.onlyLogin') });
}
