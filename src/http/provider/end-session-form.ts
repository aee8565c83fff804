import { z } from 'zod';
import type { Secrets } from '../../platform/crypto/secrets.ts';
import { openValue, sealValue } from './sealed-value.ts';

const endSessionForm = z.object({
  /** Hash of the session's uid: the form ends this session only. */
  sessionHash: z.string(),
  /** Where the browser goes after the sign-out; left out: to the page that says so. Validated before it is sealed. */
  redirectTo: z.string().optional(),
});

/** The field of the form; in an address, the parameter that keeps the form behind a language link. */
export const FORM_FIELD = 'request';

/** The content of a sign-out form. */
export type EndSessionForm = z.infer<typeof endSessionForm>;

/**
 * Seals a form into one field. No other site can make one for this session (cross-site request forgery), and each tab keeps a
 * destination of its own. Nothing is stored, so all forms of a session stay good until it ends.
 */
export function sealForm(secrets: Secrets, form: EndSessionForm): string {
  return sealValue(secrets, 'form', form);
}

/** @returns undefined when the field is missing, was changed, or is from another service */
export function openForm(secrets: Secrets, sealed: unknown): EndSessionForm | undefined {
  return openValue(secrets, 'form', endSessionForm, sealed);
}
