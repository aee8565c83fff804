import type { Context } from '../shared/sessions.ts';
import { childOf } from '../shared/identity.ts';
import type { Drawer } from './files.ts';

/** What a context may see. No other file decides it. */
export type Access =
  | { kind: 'drawers'; student: string; drawers: readonly Drawer[] }
  | { kind: 'class'; schoolCode: string }
  | { kind: 'noChild' }
  | { kind: 'noPermission' }
  | { kind: 'noRole' };

/** The drawers that parents may read. The third one is for the student only. */
const FOR_PARENTS: readonly Drawer[] = ['course', 'activities'];
const FOR_STUDENTS: readonly Drawer[] = ['course', 'activities', 'other'];

/** Returns two drawers of the child for a parent, three own drawers for a student, a class for a teacher. */
export function accessOf(context: Context): Access {
  const { acting } = context;
  if (acting === undefined) return { kind: 'noChild' };
  if (acting.role === 'parent') {
    const child = childOf(context);
    if (child === undefined) return { kind: 'noChild' };
    if (!acting.permissions.includes('portfolio:read')) return { kind: 'noPermission' };
    return { kind: 'drawers', student: child.sub, drawers: FOR_PARENTS };
  }
  if (acting.role === 'student') return { kind: 'drawers', student: context.sub, drawers: FOR_STUDENTS };
  if (acting.role === 'teacher') return { kind: 'class', schoolCode: acting.school_code ?? '' };
  return { kind: 'noRole' };
}
