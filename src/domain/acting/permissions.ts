import { PERMISSIONS } from '../model.ts';
import type { Authority, Permission } from '../model.ts';

/** A placement agency neither pays nor consents for the parents. */
const NOT_FOR_AGENCIES: readonly Permission[] = ['fees:pay', 'consent:give'];

/** Permissions for daily care: no portfolio, grades, health data or payments. */
const FOR_CAREGIVERS: readonly Permission[] = [
  'attendance:read',
  'leave:request',
  'notice:read',
  'notice:reply',
  'fees:read',
];

/** Returns the permissions of a new guardianship when the school sets none, in the order of `PERMISSIONS`. */
export function defaultPermissions(authority: Authority): readonly Permission[] {
  switch (authority) {
    case 'statutory':
    case 'court':
      return PERMISSIONS;
    case 'agency':
      return PERMISSIONS.filter((permission) => !NOT_FOR_AGENCIES.includes(permission));
    case 'delegated':
      return FOR_CAREGIVERS;
  }
}

/** Returns the permissions that are in both lists, in the order of `PERMISSIONS`. */
export function intersectPermissions(a: readonly Permission[], b: readonly Permission[]): readonly Permission[] {
  return PERMISSIONS.filter((permission) => a.includes(permission) && b.includes(permission));
}
