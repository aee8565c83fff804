import type { Context } from 'koa';
import { totpUri } from '../../domain/credentials/totp.ts';
import type { TotpSetupLocals } from '../../presentation/page-locals.ts';
import { createQrCode } from '../../presentation/qr-code.ts';
import { MAX_FACTOR_NAME_LENGTH, type TotpSetup } from '../../services/authentication/second-factors.ts';
import type { HttpDeps } from '../deps.ts';

/** Returns the locals that the setup pages of the sign-in and of the account share. */
export async function totpSetupLocals(
  { pages, people, templates }: HttpDeps,
  ctx: Context,
  personId: string,
  { secret, setup }: TotpSetup,
): Promise<Omit<TotpSetupLocals, 'action' | 'errors'>> {
  const login = await people.getPrimaryLogin(personId);
  const service = templates.brandName(pages.langOf(ctx));
  return { secret, setup, qr: createQrCode(totpUri(secret, service, login)), name: pages.t(ctx, 'secondFactor.totp') };
}

/** Returns the name that the person typed for a factor, or else the default. */
export function factorName({ pages }: HttpDeps, ctx: Context, typed: string): string {
  const name = typed
    .replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ')
    .trim()
    .slice(0, MAX_FACTOR_NAME_LENGTH)
    .trim();
  return name === '' ? pages.t(ctx, 'secondFactor.totp') : name;
}
