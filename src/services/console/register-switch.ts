import { registrarSchoolCodesOf } from '../../domain/access/capacities.ts';
import { administersCity, schoolSettingCapacity } from '../../domain/access/policy.ts';
import { findCurrentImport } from '../../store/binding/register.ts';
import type { Store } from '../../store/database/index.ts';
import * as schoolStore from '../../store/people/schools.ts';
import type { Audit } from '../audit/audit.ts';
import type { Authorization, StaffActor } from './authorization.ts';
import type { BureauWrite } from './bureau-write.ts';

export type RegisterSchool = schoolStore.RegisterSchool;

export interface RegisterSchools {
  /** The schools that the actor may switch, in the order of the codes. */
  schools: readonly RegisterSchool[];
  /** When the register was imported, ms since 1970. */
  importedAt: number | undefined;
}

/** `changed_meanwhile`: a colleague switched it already. Nothing was done. */
export type SwitchResult = { kind: 'done' } | { kind: 'denied' } | { kind: 'changed_meanwhile' };

/** Says at which schools the register approves exact matches. */
export interface RegisterSwitch {
  list(actor: StaffActor): Promise<RegisterSchools>;
  set(request: BureauWrite, change: { schoolCode: string; isOn: boolean }): Promise<SwitchResult>;
}

interface Deps {
  store: Store;
  audit: Audit;
  authorization: Authorization;
}

export function createRegisterSwitch({ store, audit, authorization }: Deps): RegisterSwitch {
  return {
    list: (actor) =>
      store.read(async (tx) => {
        const codes = administersCity(actor) ? undefined : registrarSchoolCodesOf(actor.capacities);
        const schools = await schoolStore.listRegisterSchools(tx, codes);
        return { schools, importedAt: (await findCurrentImport(tx))?.finishedAt ?? undefined };
      }),
    set: ({ actorId, reason, address }, { schoolCode, isOn }) =>
      store.write(async (tx) => {
        const actor = await authorization.findActorIn(tx, actorId);
        const capacity = actor && schoolSettingCapacity(actor, schoolCode);
        if (capacity === undefined) return { kind: 'denied' };
        if (!(await schoolStore.setRegisterChecked(tx, schoolCode, isOn))) return { kind: 'changed_meanwhile' };
        const [before, after] = isOn ? ['off', 'on'] : ['on', 'off'];
        const detail = { capacity, school: schoolCode, reason, before, after };
        await audit.append(tx, { event: 'register.switched', outcome: 'ok', actorId, address, detail });
        return { kind: 'done' };
      }),
  };
}
