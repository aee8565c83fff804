import { z } from 'zod';
import { MINUTE_MS } from '../../domain/duration.ts';
import { appRedirect } from '../../oidc/end-session-request.ts';
import type { Secrets } from '../../platform/crypto/secrets.ts';
import { openValue, sealValue } from '../sealed-value.ts';

const endSessionForm = z.object({
  /** Hash of the session's uid: the form revokes this session only. */
  sessionHash: z.string(),
  /** In milliseconds. A form that is shown again, for example in another language, keeps the time of the first one. */
  issuedAt: z.number(),
  /** The app after the sign-out. Default: the signed-out page. */
  redirect: appRedirect.optional(),
  /** The path of the sign-in that continues after the sign-out. */
  resumePath: z.string().optional(),
});

/** Enough to read the page and to be interrupted. The app can send the person again. */
const REDIRECT_MAX_AGE_MS = 30 * MINUTE_MS;

/** The name of the form field, and of the query parameter that language links carry. */
export const FORM_FIELD = 'request';

/** The content of a sign-out form. */
export type EndSessionForm = z.infer<typeof endSessionForm>;

/**
 * Seals a form into one field. Another site cannot create one for this session (cross-site request forgery), and each tab has its own
 * destination. Nothing is stored, so all forms of a session stay valid until it is revoked. Only their redirect expires.
 */
export function sealForm(secrets: Secrets, form: EndSessionForm): string {
  return sealValue(secrets, { purpose: 'sign-out', row: 'form' }, form);
}

/** @returns undefined if the field is missing, was changed, or comes from another service */
export function openForm(secrets: Secrets, sealed: unknown): EndSessionForm | undefined {
  return openValue(secrets, { purpose: 'sign-out', row: 'form' }, endSessionForm, sealed);
}

/** Returns true if the form may still redirect. An older form only signs out. */
export function canRedirect({ issuedAt }: Pick<EndSessionForm, 'issuedAt'>, now: number): boolean {
  return now < issuedAt + REDIRECT_MAX_AGE_MS;
}
