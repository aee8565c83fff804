import type { RegisterEntry } from '../src/domain/binding/register.ts';
import { systemClock } from '../src/domain/clock.ts';
import type { Secrets } from '../src/platform/crypto/secrets.ts';
import { createAppend } from '../src/services/audit/audit.ts';
import { importRegister } from '../src/services/binding/register-import.ts';
import { findCurrentImport } from '../src/store/binding/register.ts';
import type { Store } from '../src/store/database/index.ts';
import { setRegisterChecked } from '../src/store/people/schools.ts';
import { STUDENTS } from './city/fixtures.ts';

/** The father of S4, who has no account. His application is approved when it is sent. */
export const REGISTERED_FATHER = {
  studentId: STUDENTS.S4.nationalId,
  guardianId: 'Y100400402',
  name: '吳志明',
  relation: 'father',
} as const satisfies RegisterEntry;

/** The school of S4. */
const SCHOOL_CODE = '993301';

/** Fills the register of families and turns its check on at one school, unless a register was imported before. */
export async function loadDemoRegister({ store, secrets }: { store: Store; secrets: Secrets }): Promise<void> {
  if ((await store.read(findCurrentImport)) !== undefined) return;
  const clock = systemClock;
  await store.write((tx) => setRegisterChecked(tx, SCHOOL_CODE, true));
  const append = createAppend({ clock, secrets });
  await importRegister({ store, secrets, clock, audit: { append } }, (add) => add([REGISTERED_FATHER]));
}
