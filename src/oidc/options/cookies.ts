import type { Configuration } from 'oidc-provider';

/**
 * The names of all cookies. With https, cookies with the path `/` have the prefix `__Host-`: no other host of the registrable domain can set
 * them (RFC 6265bis, section 4.1.3.2). Cookies of one path cannot have this prefix, so any host of the domain can set them. The path
 * separates tabs.
 */
interface CookieNames {
  /** The app that an interaction returns to; one path. */
  app: string;
  /** The browser that started an interaction. */
  browser: string;
  /** The last request of a console session. */
  console: string;
  /** The accounts that signed in with this browser. */
  device: string;
  /** The token of an opened link that confirms an email address. */
  emailConfirmation: string;
  /** The token of an opened link that takes back a change of the email address. */
  emailRevert: string;
  language: string;
  /** The notice of the next page: the result of a form. */
  notice: string;
  /** The reasons against the last form of a page; one path. */
  rejectedForm: string;
  /** The token of an opened reset link. */
  reset: string;
  /** The reset that this browser requested. */
  resetRequest: string;
  /** The interaction to resume; one path. */
  resume: string;
  /** The school of the last sign-in with a school account. */
  school: string;
  session: string;
  /** The current interaction; one path. */
  interaction: string;
  /** The login typed on the sign-in page; one path. */
  typedLogin: string;
  /** The apps that were notified of a sign-out. */
  logoutNotices: string;
}

const [PLAIN, SECURE] = [createNames('', ''), createNames('__Host-', '__Secure-')];

/** Returns the names. @param secure true if the issuer is https; in a request, `ctx.secure` */
export function cookieNames(secure: boolean): CookieNames {
  return secure ? SECURE : PLAIN;
}

/**
 * The options of cookies whose value is random, a keyed hash or sealed. It needs no signature, so it stays valid when the cookie keys rotate.
 * Lax, because browsers do not send a strict cookie after a link from another site, such as a webmail page.
 */
export const UNSIGNED_COOKIE = { httpOnly: true, sameSite: 'lax', signed: false, overwrite: true } as const;

function createNames(host: string, address: string): CookieNames {
  return {
    app: `${address}kinpass_app`,
    browser: `${host}kinpass_browser`,
    console: `${host}kinpass_console`,
    device: `${host}kinpass_device`,
    emailConfirmation: `${host}kinpass_email`,
    emailRevert: `${host}kinpass_revert`,
    language: `${host}kinpass_lang`,
    notice: `${host}kinpass_notice`,
    rejectedForm: `${address}kinpass_form`,
    reset: `${host}kinpass_reset`,
    resetRequest: `${host}kinpass_reset_request`,
    resume: `${address}kinpass_resume`,
    school: `${host}kinpass_school`,
    session: `${host}kinpass_session`,
    interaction: `${address}kinpass_interaction`,
    typedLogin: `${address}kinpass_typed_login`,
    logoutNotices: `${host}kinpass_logout_notices`,
  };
}

/** Creates the options of the provider's cookies: signed, not readable by scripts, not sent with forms of other sites. */
export function createCookies(issuer: string, keys: readonly string[]): NonNullable<Configuration['cookies']> {
  const secure = issuer.startsWith('https:');
  const { session, interaction, resume } = cookieNames(secure);
  const common = { httpOnly: true, sameSite: 'lax', signed: true, secure, overwrite: true } as const;
  return {
    keys: [...keys],
    names: { session, interaction, resume },
    long: { ...common, path: '/' },
    short: common,
  };
}
