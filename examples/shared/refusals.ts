/** Reasons of `access_denied`, by `error_description` (docs/errors.md). */
const REFUSALS = [
  { start: 'the person canceled the sign-in', refusal: 'canceled' },
  { start: 'the person denied consent', refusal: 'consent' },
  { start: 'the person has no context', refusal: 'noContext' },
  { start: 'the client accepts no school accounts', refusal: 'schoolAccount' },
  { start: 'the person had the sharing of data', refusal: 'sharing' },
] as const;

export type Refusal = (typeof REFUSALS)[number]['refusal'] | 'other';

export function refusalOf(description: string): Refusal {
  return REFUSALS.find(({ start }) => description.startsWith(start))?.refusal ?? 'other';
}

/** Returns true if the same account would be refused again, so the page offers another one first. */
export function needsOtherAccount(refusal: Refusal): boolean {
  return refusal === 'noContext' || refusal === 'schoolAccount' || refusal === 'sharing';
}
