import { z } from 'zod';
import type { Secrets } from '../../platform/crypto/secrets.ts';
import type { SubjectRequestRow } from '../../store/personal-data/requests.ts';

const payload = z.object({ what: z.string(), why: z.string() });
/** The content of a request. `why` may be empty. */
export type RequestPayload = z.infer<typeof payload>;

export function sealRequestPayload(secrets: Pick<Secrets, 'seal'>, id: string, { what, why }: RequestPayload): string {
  return secrets.seal('subject-request', `payload:${id}`, JSON.stringify({ what, why }));
}

export function sealRequestReason(secrets: Pick<Secrets, 'seal'>, id: string, reason: string): string {
  return secrets.seal('subject-request', `reason:${id}`, reason);
}

/** Opens what the person wrote, and the answer of the school. Empty texts after a deletion. */
export function openRequestPayload(
  secrets: Pick<Secrets, 'open'>,
  { id, payloadSealed, reasonSealed }: Pick<SubjectRequestRow, 'id' | 'payloadSealed' | 'reasonSealed'>,
): RequestPayload & { reason: string } {
  const opened =
    payloadSealed === null
      ? { what: '', why: '' }
      : payload.parse(JSON.parse(secrets.open('subject-request', `payload:${id}`, payloadSealed)));
  const reason = reasonSealed === null ? '' : secrets.open('subject-request', `reason:${id}`, reasonSealed);
  return { ...opened, reason };
}
