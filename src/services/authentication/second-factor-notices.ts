import type { Clock } from '../../domain/clock.ts';
import type { SecondFactorChange } from '../../domain/credentials/second-factors.ts';
import type { Transaction } from '../../store/database/index.ts';
import type { Outbox } from '../notifications/outbox.ts';
import { mailVerifiedAddresses, type MailOrigin } from '../notifications/verified-addresses.ts';

interface Deps {
  outbox: Outbox;
  clock: Clock;
  issuer: string;
}

/** Mails every verified address, so that the person notices a change by an attacker. */
export async function mailSecondFactorChange(
  tx: Transaction,
  { outbox, clock, issuer }: Deps,
  personId: string,
  change: SecondFactorChange,
  { deviceName: device, lang }: MailOrigin = {},
): Promise<void> {
  const at = clock.now();
  await mailVerifiedAddresses(tx, outbox, personId, (name) => ({
    template: 'second-factor-changed',
    locals: { name, change, at, link: `${issuer}/account/second-factors` },
    ...(device === undefined ? {} : { request: { at, device } }),
    lang,
  }));
}

/** Mails every verified address that codes fail after a correct password or in a session. Sent once by each counter until a code is correct. */
export async function mailWrongCodes(
  tx: Transaction,
  { outbox, clock, issuer }: Deps,
  personId: string,
  { lang }: MailOrigin,
): Promise<void> {
  await mailVerifiedAddresses(tx, outbox, personId, (name) => ({
    template: 'second-factor-failed',
    locals: { name, at: clock.now(), link: `${issuer}/forgot-password` },
    lang,
  }));
}
