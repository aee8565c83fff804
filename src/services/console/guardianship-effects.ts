import { nextState } from '../../domain/acting/guardianship.ts';
import { findGuardianship } from '../../store/people/guardianships.ts';
import type { Guardianships } from '../people/guardianships.ts';
import { done, impossible, type PersonEffect } from './person-effect.ts';

type GuardianshipActionName = 'suspend-guardianship' | 'resume-guardianship' | 'revoke-guardianship';

interface Deps {
  guardianships: Pick<Guardianships, 'applyIn'>;
}

/** Creates the changes of a guardianship. The input is its id. */
export function createGuardianshipEffects(deps: Deps): Record<GuardianshipActionName, PersonEffect> {
  return {
    'suspend-guardianship': createChange(deps, 'suspend'),
    'resume-guardianship': createChange(deps, 'resume'),
    'revoke-guardianship': createChange(deps, 'revoke'),
  };
}

function createChange({ guardianships }: Deps, action: 'suspend' | 'resume' | 'revoke'): PersonEffect {
  const describe: PersonEffect['describe'] = async (tx, personId, id) => {
    const row = await findGuardianship(tx, id);
    const next = row?.guardianId === personId ? nextState(row.state, action) : undefined;
    if (row === undefined || next === undefined) return impossible('guardianship_state');
    return { kind: 'change', before: row.state, after: next };
  };
  return {
    describe,
    apply: async (tx, personId, { input, actorId, reason }) => {
      const change = await describe(tx, personId, input);
      if (change.kind === 'impossible') return change;
      const event = await guardianships.applyIn(tx, { id: input, action, reason, actorId });
      if (event === undefined) return impossible('guardianship_state');
      return { ...done(change.before, change.after), events: [event] };
    },
  };
}
