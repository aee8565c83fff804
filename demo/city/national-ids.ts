import type { SeededRandom } from './seeded-random.ts';

/** Second character: citizens 1 and 2, resident certificates 8 and 9. */
export type IdSex = '1' | '2' | '8' | '9';

/** The letter Y stands for 31: 3×1 + 1×9. */
const LETTER_SUM = 12;
const BODIES = 10_000_000;
/** Odd, and no multiple of 5: steps of it visit every body once before the first comes again. */
const STEP = 7_368_787;

/** `Y`, the sex, seven digits and their check digit (Ministry of the Interior). */
export function withCheckDigit(sex: IdSex, body: number): string {
  const digits = `${sex}${String(body).padStart(7, '0')}`;
  const sum = Array.from(digits, Number).reduce((total, digit, at) => total + digit * (8 - at), LETTER_SUM);
  return `Y${digits}${String((10 - (sum % 10)) % 10)}`;
}

/**
 * Hands out IDs that belong to nobody: letter Y, retired in 1974, for people born later. Each comes once.
 *
 * @param taken IDs of the named people
 * @returns throws a RangeError after ten million of one kind
 */
export function createIdSource(random: SeededRandom, taken: ReadonlySet<string>): (sex: IdSex) => string {
  const start = random.between(0, BODIES - 1);
  const used = new Map<IdSex, number>();
  const next = (sex: IdSex): string => {
    const count = used.get(sex) ?? 0;
    if (count >= BODIES) throw new RangeError('the demo city has run out of national IDs');
    used.set(sex, count + 1);
    return withCheckDigit(sex, (start + count * STEP) % BODIES);
  };
  return (sex) => {
    for (;;) {
      const id = next(sex);
      if (!taken.has(id)) return id;
    }
  };
}
