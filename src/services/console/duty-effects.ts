import { z } from 'zod';
import { DUTY_MEMBERSHIPS, dutyOf, GRANTED_DUTIES, type GrantedDuty } from '../../domain/access/duties.ts';
import type { DutyActionName } from '../../domain/access/person-actions.ts';
import { localDate } from '../../domain/clock.ts';
import { DAY_MS } from '../../domain/duration.ts';
import type { Random } from '../../domain/random.ts';
import type { Transaction } from '../../store/database/index.ts';
import { listGrantsByBasis } from '../../store/oidc/grants.ts';
import * as schools from '../../store/people/schools.ts';
import { revokeOrMoveGrants, type RevokeDeps } from '../people/affiliation-expiry.ts';
import { done, impossible, type PersonEffect } from './person-effect.ts';

const newDuty = z.object({
  duty: z.enum(GRANTED_DUTIES),
  /** Undefined for bureau administrators. */
  schoolCode: z.string().optional(),
  /** `2027-01-31` */
  validFrom: z.string(),
  /** Undefined: open end. */
  validTo: z.string().optional(),
});

/** A duty that the bureau grants. It is the input of `grant-duty`; that of `end-duty` is the id of the membership. */
export type NewDuty = z.infer<typeof newDuty>;

export function formatDuty(duty: NewDuty): string {
  return JSON.stringify(duty);
}

export function parseDuty(input: string): NewDuty {
  return newDuty.parse(JSON.parse(input));
}

interface Deps extends RevokeDeps {
  random: Random;
}

/** Creates the changes of duties. */
export function createDutyEffects(deps: Deps): Record<DutyActionName, PersonEffect> {
  return { 'grant-duty': createGrantDuty(deps), 'end-duty': createEndDuty(deps) };
}

function createGrantDuty({ clock, random }: Deps): PersonEffect {
  const listOpen = async (tx: Transaction, personId: string) =>
    (await schools.listMemberships(tx, personId)).filter((one) => !hasEnded(one, localDate(clock.now())));
  const describe: PersonEffect['describe'] = async (tx, personId, input) => {
    const { duty, schoolCode, ...validity } = parseDuty(input);
    const isHeld = (await listOpen(tx, personId)).some(
      (one) => dutyOf(one) === duty && one.school?.code === schoolCode,
    );
    if (isHeld) return impossible('duty_unchanged');
    return { kind: 'change', before: '', after: describeDuty({ duty, schoolCode, ...validity }) };
  };
  return {
    describe,
    apply: async (tx, personId, { input }) => {
      const change = await describe(tx, personId, input);
      if (change.kind === 'impossible') return change;
      const { duty, schoolCode, validFrom, validTo } = parseDuty(input);
      const isPrimary = (await listOpen(tx, personId)).length === 0;
      await schools.insertMembership(tx, {
        ...DUTY_MEMBERSHIPS[duty],
        ...{ id: random.uuid(), personId, schoolCode, isPrimary, validFrom, validTo },
      });
      return { ...done('', change.after), school: schoolCode, notice: 'membership-granted' };
    },
  };
}

/** Ends a membership at once: the grants that depend on it are revoked, unless another membership gives the same role. */
function createEndDuty(deps: Deps): PersonEffect {
  const find = async (tx: Transaction, personId: string, id: string) => {
    const membership = (await schools.listMemberships(tx, personId)).find((one) => one.id === id);
    const isOpen = membership !== undefined && !hasEnded(membership, localDate(deps.clock.now()));
    return isOpen ? { ...membership, duty: dutyOf(membership), schoolCode: membership.school?.code } : undefined;
  };
  // The last day is included, so a membership that ends now was valid until yesterday.
  const yesterday = (): string => localDate(deps.clock.now() - DAY_MS);
  return {
    describe: async (tx, personId, input) => {
      const membership = await find(tx, personId, input);
      if (membership === undefined) return impossible('duty_unchanged');
      const after = describeDuty({ ...membership, validTo: yesterday() });
      return { kind: 'change', before: describeDuty(membership), after };
    },
    apply: async (tx, personId, { input }) => {
      const membership = await find(tx, personId, input);
      if (membership === undefined) return impossible('duty_unchanged');
      const validTo = yesterday();
      await schools.endMembership(tx, input, validTo);
      const grants = await listGrantsByBasis(tx, input);
      await revokeOrMoveGrants(tx, deps, personId, new Set(grants.map(({ grantHash }) => grantHash)));
      const after = describeDuty({ ...membership, validTo });
      return { ...done(describeDuty(membership), after), school: membership.schoolCode, notice: 'membership-ended' };
    },
  };
}

/** Returns true for a membership whose last day is over. */
export function hasEnded({ validTo }: { validTo?: string | undefined }, today: string): boolean {
  return validTo !== undefined && validTo < today;
}

interface DescribedDuty {
  duty: GrantedDuty;
  schoolCode?: string | undefined;
  validFrom?: string | undefined;
  validTo?: string | undefined;
}

/** Describes a duty for the audit log and the colleague: `registrar 993401 2026-11-01..` */
function describeDuty({ duty, schoolCode, validFrom, validTo }: DescribedDuty): string {
  return [duty, schoolCode ?? 'bureau', `${validFrom ?? ''}..${validTo ?? ''}`].join(' ');
}

/** Reads what `describeDuty` has written. @returns undefined for another text */
export function readDescribedDuty(text: string): { duty: GrantedDuty; schoolCode: string; period: string } | undefined {
  const [name, schoolCode, period] = text.split(' ');
  const duty = GRANTED_DUTIES.find((one) => one === name);
  return duty && schoolCode !== undefined && period !== undefined ? { duty, schoolCode, period } : undefined;
}
