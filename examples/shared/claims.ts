/**
 * Parses the claims that the sign-in service sends about schools and families. Unknown members are dropped, and other
 * shapes are refused.
 */
import { z } from 'zod';

export const ROLES = ['parent', 'student', 'teacher', 'staff', 'school_admin', 'bureau_admin'] as const;
const role = z.enum(ROLES);
const subject = z.string().min(1).max(255);
const words = z.array(z.string()).default([]);
/** Class number, as text or as a number. It is only displayed. */
const label = z.union([z.string(), z.number()]).transform(String).optional();

/** The context chosen for this sign-in. `ctx` becomes a part of URLs, so its alphabet is checked. */
export const actingSchema = z.object({
  role,
  child: subject.optional(),
  school_code: z.string().optional(),
  relation: z.string().optional(),
  authority: z.string().optional(),
  permissions: words,
  ctx: z.string().regex(/^[A-Za-z0-9_-]{1,128}$/),
});

const childSchema = z.object({
  sub: subject,
  name: z.string().optional(),
  school_code: z.string().optional(),
  school_name: z.string().optional(),
  school_type: z.string().optional(),
  grade: z.number().optional(),
  classno: label,
  classtitle: label,
  permissions: words,
});

const affiliationSchema = z.object({
  role,
  school_code: z.string().optional(),
  school_name: z.string().optional(),
  school_type: z.string().optional(),
  primary: z.boolean().optional(),
  grade: z.number().optional(),
  classno: label,
  classtitle: label,
});

export const idTokenSchema = z.object({
  sub: subject,
  sid: z.string().optional(),
  iat: z.number(),
  auth_time: z.number().optional(),
  acting: actingSchema.optional(),
});

export const personSchema = z.object({
  sub: subject,
  name: z.string().optional(),
  locale: z.string().optional(),
  roles: z.array(z.string()).default([]),
  affiliations: z.array(affiliationSchema).default([]),
  children: z.array(childSchema).default([]),
  acting: actingSchema.optional(),
});

export type Role = z.infer<typeof role>;
export type Acting = z.infer<typeof actingSchema>;
export type Child = z.infer<typeof childSchema>;
export type Affiliation = z.infer<typeof affiliationSchema>;
/** UserInfo of the person who signed in. `sub` is never a child. */
export type Person = z.infer<typeof personSchema>;

/** The context that a new authorization request asks for: the value of the `acting` claim. */
export type RequestedActing = { role: 'parent'; child: string } | { role: Role; school_code?: string };

/** The `claims` parameter (OpenID Connect Core, section 5.5) that asks for one context. */
export function claimsParameter(requested: RequestedActing): string {
  return JSON.stringify({ id_token: { acting: { value: requested } } });
}

/** Returns the request value for a context that was granted before. */
export function requestFor(acting: Acting): RequestedActing {
  if (acting.role === 'parent' && acting.child !== undefined) return { role: 'parent', child: acting.child };
  return acting.school_code === undefined
    ? { role: acting.role }
    : { role: acting.role, school_code: acting.school_code };
}
