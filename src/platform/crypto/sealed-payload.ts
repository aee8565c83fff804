import type { Secrets } from './secrets.ts';

/**
 * Seals the body of a stored protocol record (session, grant, code, token). Some bodies contain a bearer value: an Interaction contains
 * the cookie value of its session.
 */
export function sealPayload(secrets: Secrets, model: string, idHash: string, body: object): string {
  return secrets.seal('oidc-record', `${model}:${idHash}`, JSON.stringify(body));
}

/** Opens a sealed body. @throws {Error} when the record was changed, moved, or sealed with another key */
export function openPayload(secrets: Secrets, model: string, record: { idHash: string; payload: string }): unknown {
  return JSON.parse(secrets.open('oidc-record', `${model}:${record.idHash}`, record.payload));
}
