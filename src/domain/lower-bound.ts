/**
 * Finds the first number from `low` to `high - 1` that fulfills a condition, by binary search. The condition is false up to some number
 * and true from there on.
 *
 * @returns `high` if no number fulfills it
 */
export async function lowerBound(
  low: number,
  high: number,
  isFulfilled: (candidate: number) => Promise<boolean>,
): Promise<number> {
  let [from, to] = [low, high];
  while (from < to) {
    const middle = Math.floor((from + to) / 2);
    if (await isFulfilled(middle)) to = middle;
    else from = middle + 1;
  }
  return from;
}
