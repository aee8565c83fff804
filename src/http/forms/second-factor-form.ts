import type { Context } from 'koa';
import { z } from 'zod';
import { totpUri } from '../../domain/credentials/totp.ts';
import type { FactorSetupLocals } from '../../presentation/page-locals/common.ts';
import { createQrCode } from '../../presentation/qr-code.ts';
import type { ConfirmedSetup, TotpSetup } from '../../services/authentication/second-factor-setup.ts';
import { MAX_FACTOR_NAME_LENGTH } from '../../services/authentication/second-factors.ts';
import { deviceOf } from '../account/device-name.ts';
import type { HttpDeps } from '../deps.ts';
import { findNamedAccount } from '../named-account.ts';
import { field } from './body.ts';
import type { Rejection } from './rejected-form.ts';

/**
 * The fields of the setup pages, of the sign-in and of the account: the code of an authenticator app with its `setup`, or a new passkey with
 * `passkey_setup`; `saved` confirms the recovery codes.
 */
export const setupFields = {
  code: field,
  setup: field,
  name: field,
  saved: field,
  passkey: field,
  passkey_setup: field,
};
type SentSetup = Record<keyof typeof setupFields, string>;
export const setupForm = z.object(setupFields);

/** Returns the locals that the setup pages share. */
export async function factorSetupLocals(
  deps: HttpDeps,
  ctx: Context,
  personId: string,
  { secret, setup }: TotpSetup,
): Promise<Omit<FactorSetupLocals, 'action' | 'errors'>> {
  const { pages, secondFactors, templates } = deps;
  const account = await findNamedAccount(deps, personId);
  const [login = '', serviceName] = [account?.login, templates.brandName(pages.langOf(ctx))];
  return {
    ...{ secret, setup, qr: createQrCode(totpUri(secret, serviceName, login)) },
    name: pages.t(ctx, 'secondFactor.totp'),
    passkey: await secondFactors.startPasskey({ personId, login, serviceName, name: account?.name ?? '' }),
  };
}

type SetupCheck =
  (ConfirmedSetup & { name: string }) | { kind: 'wrong'; problem: Rejection; totp: TotpSetup } | { kind: 'expired' };

/** Checks the code or the passkey of a setup page. */
export async function checkSetup(deps: HttpDeps, ctx: Context, personId: string, sent: SentSetup): Promise<SetupCheck> {
  const { pages, secondFactors } = deps;
  if (sent.passkey !== '') {
    const { passkey: response, passkey_setup: setup } = sent;
    const confirmed = await secondFactors.checkPasskey({ personId, setup, response });
    if (confirmed !== undefined) return { ...confirmed, name: pages.t(ctx, 'secondFactor.passkey') };
    const problem = { status: 422, alert: pages.t(ctx, 'secondFactor.passkeyFailed') };
    return { kind: 'wrong', problem, totp: secondFactors.startTotp(personId) };
  }
  const checked = await secondFactors.checkTotp({ personId, setup: sent.setup, code: sent.code });
  if (checked.kind === 'correct') return { ...checked, name: sent.name };
  if (checked.kind === 'expired') return checked;
  const problem = { status: 422, errors: { code: pages.t(ctx, 'secondFactor.wrong') } };
  return { kind: 'wrong', problem, totp: checked };
}

/** Returns the name that the person typed for a factor, or else the default. */
export function factorName({ pages }: HttpDeps, ctx: Context, typed: string): string {
  const name = shortName(typed);
  return name === '' ? pages.t(ctx, 'secondFactor.totp') : name;
}

/** Returns a name that a person typed, in one short line. */
export function shortName(typed: string): string {
  return typed
    .replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ')
    .trim()
    .slice(0, MAX_FACTOR_NAME_LENGTH)
    .trim();
}

/** Returns the person who changes their second factors, with the address, the device and the language. */
export function ownChange(
  { pages }: Pick<HttpDeps, 'pages'>,
  ctx: Context,
  personId: string,
): { personId: string; address: string; device: string | undefined; lang: string } {
  return { personId, address: ctx.ip, device: deviceOf(ctx), lang: pages.langOf(ctx) };
}
