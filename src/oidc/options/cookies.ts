import type { Configuration } from 'oidc-provider';

/**
 * The name of every cookie of the service. With https, cookies of the path `/` carry the `__Host-` prefix, so no other host of the same
 * registrable domain can set them (RFC 6265bis, 4.1.3.2). Cookies of one address cannot carry it: their names keep tabs apart by the
 * path, and any host of the domain can set them.
 */
export interface CookieNames {
  /** The app that a step leads back to; one address. */
  app: string;
  /** The browser that began an interaction. */
  browser: string;
  /** The people who signed in with this browser. */
  device: string;
  language: string;
  /** The token of an opened reset link. */
  reset: string;
  /** The interaction to resume; one address. */
  resume: string;
  session: string;
  /** The interaction of a step; one address. */
  interaction: string;
  /** The apps that were notified of a sign-out. */
  logoutNotices: string;
}

const [PLAIN, SECURE] = [createNames('', ''), createNames('__Host-', '__Secure-')];

/** @param secure whether the issuer is https; in a request, `ctx.secure` */
export function cookieNames(secure: boolean): CookieNames {
  return secure ? SECURE : PLAIN;
}

function createNames(host: string, address: string): CookieNames {
  return {
    app: `${address}kinpass_app`,
    browser: `${host}kinpass_browser`,
    device: `${host}kinpass_device`,
    language: `${host}kinpass_lang`,
    reset: `${host}kinpass_reset`,
    resume: `${address}kinpass_resume`,
    session: `${host}kinpass_session`,
    interaction: `${address}kinpass_interaction`,
    logoutNotices: `${host}kinpass_logout_notices`,
  };
}

/** The provider's own cookies: signed, not readable by scripts, not sent with forms of other sites. */
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
