import type { ImpossibleReason } from '../../domain/access/person-actions.ts';
import type { Transaction } from '../../store/database/index.ts';
import type { AuditEvent } from '../audit/audit.ts';

/** The result of an action, or the reason why it cannot be done. */
export type Effect = DoneEffect | ImpossibleEffect;

export interface DoneEffect {
  kind: 'done';
  /** The values of the audit entry. No secret, no full address, no national ID. */
  before: string;
  after: string;
  /** The school that the action is about. Default: the school of the actor. */
  school?: string | undefined;
  /** Shown once to the member of staff. */
  oneTimeCode?: { code: string; expiresAt: number };
  /** A national ID, shown once to the member of staff. */
  revealed?: string;
  /** Also ends the delays and the lock after wrong passwords. */
  clearsFailures: boolean;
  /** The notice instead of the one of the action. */
  notice?: string;
  /** Addresses that the person no longer has, and that get the notice too. */
  formerAddresses?: readonly string[];
  /** More entries for the audit log. */
  events?: readonly AuditEvent[];
}

export interface ImpossibleEffect {
  kind: 'impossible';
  why: ImpossibleReason;
}

/** The value that an action replaces, and its replacement, as the confirming colleague sees them. */
interface ValueChange {
  kind: 'change';
  before: string;
  after: string;
}

interface EffectContext {
  actorId: string;
  /** The value that staff entered, or an id; empty for actions without one. */
  input: string;
  /** Of the decision: the action takes effect this long after. */
  delayMs: number;
  reason: string;
}

/** Changes the account in the transaction of the caller, which has locked the person. */
export interface PersonEffect {
  /** Checks the input without changing anything. */
  describe(tx: Transaction, personId: string, input: string): Promise<ValueChange | ImpossibleEffect>;
  apply(tx: Transaction, personId: string, context: EffectContext): Promise<Effect>;
}

/** Creates the effect of an action without input. */
export function effectWithoutInput(apply: PersonEffect['apply']): PersonEffect {
  return { describe: () => Promise.resolve({ kind: 'change', before: '', after: '' }), apply };
}

export function done(before: string, after: string): DoneEffect {
  return { kind: 'done', before, after, clearsFailures: false };
}

export function impossible(why: ImpossibleReason): ImpossibleEffect {
  return { kind: 'impossible', why };
}
