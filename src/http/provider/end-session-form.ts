import { z } from 'zod';
import type { Secrets } from '../../platform/crypto/secrets.ts';
import { openValue, sealValue } from './sealed-value.ts';

const endSessionForm = z.object({
  /** Hash of the session's uid: the form revokes this session only. */
  sessionHash: z.string(),
  /** The URL after the sign-out, validated before it is sealed. Default: the signed-out page. */
  redirectTo: z.string().optional(),
});

/** The name of the form field, and of the query parameter that language links carry. */
export const FORM_FIELD = 'request';

/** The content of a sign-out form. */
export type EndSessionForm = z.infer<typeof endSessionForm>;

/**
 * Seals a form into one field. Another site cannot create one for this session (cross-site request forgery), and each tab has its own
 * destination. Nothing is stored, so all forms of a session stay valid until it is revoked.
 */
export function sealForm(secrets: Secrets, form: EndSessionForm): string {
  return sealValue(secrets, 'form', form);
}

/** @returns undefined if the field is missing, was changed, or comes from another service */
export function openForm(secrets: Secrets, sealed: unknown): EndSessionForm | undefined {
  return openValue(secrets, 'form', endSessionForm, sealed);
}
