import { HOUR_MS } from './duration.ts';

/** Why an attempt to sign in failed. */
export const FAILURE_CAUSES = ['wrong_password', 'unknown_account', 'throttled', 'second_factor'] as const;
export type FailureCause = (typeof FAILURE_CAUSES)[number];
export type SignInOutcome = 'succeeded' | FailureCause;

/** What the dashboards count. */
export type Usage =
  { kind: 'sign_in'; outcome: SignInOutcome; count: number } | { kind: 'client'; clientId: string; count: number };

/** The fields of an audit event that decide what it counts as. */
interface CountedEvent {
  event: string;
  subjectId?: string | undefined;
  clientId?: string | undefined;
  detail?: Readonly<Record<string, string | number | boolean>> | undefined;
}

/** Returns what an audit event counts as; undefined if the dashboards do not show it. Summaries count all their attempts. */
export function usageOf({ event, subjectId, clientId, detail }: CountedEvent): Usage | undefined {
  const attempts = detail?.['attempts'];
  const count = typeof attempts === 'number' ? attempts : 1;
  const signIn = (outcome: SignInOutcome): Usage => ({ kind: 'sign_in', outcome, count });
  switch (event) {
    case 'sign_in.succeeded':
    case 'sign_in.password_change_required':
      return signIn('succeeded');
    case 'sign_in.failed':
      return signIn(subjectId === undefined ? 'unknown_account' : 'wrong_password');
    case 'sign_in.throttled':
      return signIn('throttled');
    case 'second_factor.failed':
    case 'second_factor.throttled':
      return signIn('second_factor');
    case 'authorization.granted':
      return clientId === undefined ? undefined : { kind: 'client', clientId, count };
    default:
      return undefined;
  }
}

/** Returns the start of the hour of an instant, in ms. */
export function hourOf(instant: number): number {
  return Math.floor(instant / HOUR_MS) * HOUR_MS;
}
