import leven from 'leven';
import type { z } from 'zod';
import { DEFAULT_LANGUAGE } from '../domain/text.ts';

/** Describes an issue of a schema as a sentence about its field. @param value the invalid value */
export function describeIssue(issue: z.core.$ZodIssue, value: unknown): string {
  if (issue.code === 'invalid_type') return describeType(issue.expected, value);
  if (issue.code === 'invalid_value') return describeChoice(issue.values.map(String), value);
  if (issue.code === 'invalid_format' && issue.format === 'url') return describeUrl(issue.pattern);
  if (issue.code === 'too_small' || issue.code === 'too_big') return describeSize(issue);
  if (issue.code === 'invalid_union')
    return `must be a text, or an object with a text for "${DEFAULT_LANGUAGE}" and further languages`;
  if (issue.code === 'invalid_key') return issue.issues[0]?.message ?? issue.message;
  return issue.message;
}

function describeType(expected: string, value: unknown): string {
  return value === undefined ? 'is missing' : `must be ${TYPES[expected] ?? expected}`;
}

type SizeIssue = Extract<z.core.$ZodIssue, { code: 'too_small' | 'too_big' }>;

function describeSize(issue: SizeIssue): string {
  const isList = issue.origin === 'array';
  if (issue.code === 'too_big') return `must be at most ${String(issue.maximum)}${isList ? ' entries' : ''}`;
  return isList || issue.origin === 'string' ? 'must not be empty' : `must be at least ${String(issue.minimum)}`;
}

const TYPES: Readonly<Record<string, string>> = {
  array: 'a list: [ … ]',
  boolean: 'true or false',
  int: 'a whole number',
  number: 'a number',
  object: 'an object: { … }',
  record: 'an object: { … }',
  string: 'a text',
};

function describeUrl(pattern: string | undefined): string {
  return pattern === undefined
    ? 'must be an absolute URL, such as https://app.example/callback'
    : 'must be an https URL, such as https://app.example/';
}

function describeChoice(choices: readonly string[], value: unknown): string {
  const known = `must be one of ${choices.join(', ')}`;
  if (typeof value !== 'string') return known;
  const meant = findSimilar(value, choices);
  return `"${value}" is unknown; ${meant === undefined ? known : `did you mean ${meant}?`}`;
}

/** Describes a member that the schema does not have. @param names the members of the schema */
export function describeUnknownField(name: string, names: readonly string[]): string {
  const meant = findSimilar(name, names);
  return meant === undefined ? 'is not a known field' : `is not a known field; did you mean ${meant}?`;
}

/** Changed letters at which two names are similar. */
const MAX_DISTANCE = 2;

/** Finds the name that a misspelled or shortened one most likely means. */
function findSimilar(word: string, names: readonly string[]): string | undefined {
  const [nearest] = names
    .map((name) => ({ name, distance: leven(word.toLowerCase(), name.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance);
  if (nearest !== undefined && nearest.distance <= Math.min(MAX_DISTANCE, word.length / 2)) return nearest.name;
  return names.find((name) => word.length > MAX_DISTANCE && name.startsWith(`${word}_`));
}

/** Finds the nearest name: one that continues the word, else the one with the fewest changed letters. */
export function findNearest(word: string, names: readonly string[]): string {
  const distance = (name: string): number =>
    name.startsWith(`${word}_`) ? 0 : leven(word.toLowerCase(), name.toLowerCase());
  const [first = '', ...others] = names;
  return others.reduce((best, name) => (distance(name) < distance(best) ? name : best), first);
}
