import type { SeededRandom } from './seeded-random.ts';

/** The second character: 1 and 2 for citizens, 8 and 9 for resident certificates. */
export type IdSex = '1' | '2' | '8' | '9';

/** The part of the letter Y (31) in the checksum: 3×1 + 1×9. */
const LETTER_SUM = 12;
const BODIES = 10_000_000;
/** Coprime to 10 million (odd, no multiple of 5), so stepping by it visits each number once before it repeats. */
const STEP = 7_368_787;

/** Returns an ID: `Y`, the sex, seven digits and a check digit (rule of the Ministry of the Interior). */
export function withCheckDigit(sex: IdSex, body: number): string {
  const digits = `${sex}${String(body).padStart(7, '0')}`;
  const sum = Array.from(digits, Number).reduce((total, digit, at) => total + digit * (8 - at), LETTER_SUM);
  return `Y${digits}${String((10 - (sum % 10)) % 10)}`;
}

/**
 * Creates a function that returns a different ID on each call. The IDs belong to no real person: the letter Y was retired in
 * 1974, and the people of the city are born later. The function throws a RangeError after ten million IDs of one kind.
 *
 * @param taken IDs of the named people
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
