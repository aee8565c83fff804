import type { Secrets } from './secrets.ts';

/**
 * The body of a stored protocol record (session, grant, code, token). Bodies are sealed because some carry the value that a
 * browser would present: an Interaction holds its session's cookie value.
 */
export function sealPayload(secrets: Secrets, model: string, idHash: string, body: object): string {
  return secrets.seal('oidc-record', `${model}:${idHash}`, JSON.stringify(body));
}

/** @throws {Error} when the record was changed, moved, or sealed by another key */
export function openPayload(secrets: Secrets, model: string, record: { idHash: string; payload: string }): unknown {
  return JSON.parse(secrets.open('oidc-record', `${model}:${record.idHash}`, record.payload));
}
