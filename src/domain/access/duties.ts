import type { StaffRole } from '../model.ts';

/** The duties that the bureau grants. Homeroom teachers come from the roster. */
export const GRANTED_DUTIES = ['teacher', 'staff', 'registrar', 'school_admin', 'it_desk', 'bureau_admin'] as const;
export type GrantedDuty = (typeof GRANTED_DUTIES)[number];

/** The role and the duty of a membership for each of them. */
export const DUTY_MEMBERSHIPS: Readonly<Record<GrantedDuty, { role: StaffRole; duty: string | null }>> = {
  teacher: { role: 'teacher', duty: null },
  staff: { role: 'staff', duty: null },
  registrar: { role: 'staff', duty: 'registrar' },
  school_admin: { role: 'school_admin', duty: null },
  it_desk: { role: 'school_admin', duty: 'it_desk' },
  bureau_admin: { role: 'bureau_admin', duty: null },
};

/** Returns the duty of a membership; one with an unknown duty counts as its role. */
export function dutyOf({ role, duty }: { role: StaffRole; duty: string | undefined }): GrantedDuty {
  if (role === 'staff' && duty === 'registrar') return 'registrar';
  if (role === 'school_admin' && duty === 'it_desk') return 'it_desk';
  return role;
}
