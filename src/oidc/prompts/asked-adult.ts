import type Provider from 'oidc-provider';
import type { Session } from 'oidc-provider';
import { z } from 'zod';

const storedAnswer = z.object({ askedAdultId: z.string().optional() });

/** Remembers in the session that its person has seen the page of the prompt `adulthood`. */
export function rememberAskedAdult(provider: Provider): void {
  provider.on('interaction.ended', ({ oidc: { session, result } }) => {
    if (session === undefined || result?.['adulthood'] === undefined) return;
    Object.assign(session, { askedAdultId: session.accountId });
  });
}

/** Returns true if the person of the session has seen the page of the prompt `adulthood` in this session. */
export function isAskedAdult(session: Session): boolean {
  return storedAnswer.parse(session).askedAdultId === session.accountId;
}
