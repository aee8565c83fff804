import { PERMISSIONS } from '../model.ts';
import type { Authority, Permission } from '../model.ts';

/** A placement agency cares for the child, but pays nothing and consents to nothing in the parents' stead. */
const NOT_FOR_AGENCIES: readonly Permission[] = ['fees:pay', 'consent:give'];

/** What a caregiver needs for the day: no portfolio, no grades, no health data, no money. */
const FOR_CAREGIVERS: readonly Permission[] = [
  'attendance:read',
  'leave:request',
  'notice:read',
  'notice:reply',
  'fees:read',
];

/** What a new guardianship may do when the school says nothing else, in the order of the vocabulary. */
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

/** What is in both lists, once each, in the order of the vocabulary. */
export function intersectPermissions(a: readonly Permission[], b: readonly Permission[]): readonly Permission[] {
  return PERMISSIONS.filter((permission) => a.includes(permission) && b.includes(permission));
}
