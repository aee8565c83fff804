import type { Clock } from '../../domain/clock.ts';
import type { Secrets } from '../../platform/crypto/secrets.ts';
import * as credentials from '../../store/auth/credentials.ts';
import * as changes from '../../store/console/account-changes.ts';
import * as merges from '../../store/console/person-merges.ts';
import type { Transaction } from '../../store/database/index.ts';
import * as grantStore from '../../store/oidc/grants.ts';
import { deletePendingContactsSince } from '../../store/people/contacts.ts';
import * as people from '../../store/people/people.ts';
import { updateSharing } from '../../store/personal-data/erasure.ts';
import type { Revocation } from '../access/revocation.ts';
import { fingerprintOf, openSnapshot, type MergeSnapshot } from './merge-snapshot.ts';
import { done, impossible, type ImpossibleEffect, type PersonEffect } from './person-effect.ts';

interface Deps {
  clock: Clock;
  secrets: Secrets;
  revocation: Pick<Revocation, 'revokeAllOf' | 'revokeGrants'>;
}

interface UndoPlan {
  kind: 'plan';
  merge: merges.PersonMergeRow;
  other: NonNullable<Awaited<ReturnType<typeof people.findPerson>>>;
  snapshot: MergeSnapshot;
}

/**
 * Creates the undo of the newest merge into an account. It is possible while both accounts still have exactly what the merge left: the same
 * name, national ID, logins, duties, classes, school accounts and guardianships in the same states. Passwords, second factors, reset links and
 * unconfirmed contacts since the merge end, because the owner of the other account may have set them.
 */
export function createUndoMergeEffect(deps: Deps): PersonEffect {
  return {
    describe: async (tx, personId) => {
      const plan = await planUndo(tx, deps, personId);
      return plan.kind === 'impossible' ? plan : { kind: 'change', before: '', after: plan.other.name };
    },
    apply: async (tx, personId, { actorId }) => {
      const plan = await planUndo(tx, deps, personId);
      if (plan.kind === 'impossible') return plan;
      const { merge, other, snapshot } = plan;
      const now = deps.clock.now();
      await deps.revocation.revokeAllOf(tx, personId);
      for (const { id } of snapshot.rows.guardianships) {
        await deps.revocation.revokeGrants(tx, await grantStore.listGrantsByBasis(tx, id));
      }
      await merges.moveRowsTo(tx, other.id, snapshot.rows);
      await merges.restoreGuardianships(tx, snapshot.rows.guardianships);
      await restoreNationalId(tx, deps, { personId, otherId: other.id, snapshot });
      await clearAttributes(tx, deps, { personId, other, snapshot });
      await credentials.deleteResetLink(tx, other.id);
      await credentials.deleteCredentialsSince(tx, personId, merge.mergedAt);
      await deletePendingContactsSince(tx, personId, merge.mergedAt);
      await people.updatePersonStatus(tx, other.id, snapshot.status, now);
      await people.advanceStaffVersion(tx, other.id, other.staffVersion);
      await merges.markMergeUndone(tx, merge.id, now);
      const detail = { from: personId, before: 'disabled', after: snapshot.status };
      return {
        ...done(`merged ${other.id}`, `separated ${other.id}`),
        events: [{ event: 'person.merge_undone', outcome: 'ok', actorId, subjectId: other.id, detail }],
      };
    },
  };
}

async function planUndo(tx: Transaction, { secrets }: Deps, personId: string): Promise<UndoPlan | ImpossibleEffect> {
  const merge = await merges.findLatestMerge(tx, personId);
  const other = merge && (await people.findPerson(tx, merge.otherId));
  if (merge === undefined || other === undefined) return impossible('merge_not_found');
  const snapshot = openSnapshot(secrets, merge);
  const isUnchanged =
    (await fingerprintOf(tx, personId)) === snapshot.after.kept &&
    (await fingerprintOf(tx, other.id)) === snapshot.after.other;
  return isUnchanged ? { kind: 'plan', merge, other, snapshot } : impossible('merge_dependent');
}

async function restoreNationalId(
  tx: Transaction,
  { clock, secrets }: Deps,
  { personId, otherId, snapshot }: { personId: string; otherId: string; snapshot: MergeSnapshot },
): Promise<void> {
  const { nationalId, nationalIdLookup: lookup, hasMovedNationalId } = snapshot;
  if (hasMovedNationalId) await changes.updateNationalId(tx, personId, { lookup: null, sealed: null }, clock.now());
  const sealed = nationalId === null ? null : secrets.seal('national-id', otherId, nationalId);
  if (lookup !== null) await changes.updateNationalId(tx, otherId, { lookup, sealed }, clock.now());
}

/** The other account still has them. */
async function clearAttributes(
  tx: Transaction,
  { clock }: Deps,
  { personId, other, snapshot }: { personId: string; other: UndoPlan['other']; snapshot: MergeSnapshot },
): Promise<void> {
  const now = clock.now();
  const { hasMovedBirthDate, hasMovedStop } = snapshot;
  if (hasMovedBirthDate) {
    await changes.updateBirthDate(tx, personId, { birthDateSealed: null, adultOnLookup: null }, now);
  }
  // The person may have resumed and stopped it again.
  const stoppedAt = (await people.findPerson(tx, personId))?.sharingStoppedAt;
  if (hasMovedStop && stoppedAt === other.sharingStoppedAt) await updateSharing(tx, personId, null, now);
}
