import type { Configuration } from 'oidc-provider';

/**
 * Signed, out of reach of scripts, not sent along by other sites' forms. With https the session cookie has the `__Host-`
 * prefix, so no neighbouring host can set it (RFC 6265bis 4.1.3.2).
 */
export function createCookies(issuer: string, keys: readonly string[]): NonNullable<Configuration['cookies']> {
  const secure = issuer.startsWith('https:');
  const common = { httpOnly: true, sameSite: 'lax', signed: true, secure, overwrite: true } as const;
  return {
    keys: [...keys],
    names: {
      session: secure ? '__Host-kinpass_session' : 'kinpass_session',
      interaction: 'kinpass_step',
      resume: 'kinpass_resume',
    },
    long: { ...common, path: '/' },
    short: common,
  };
}
