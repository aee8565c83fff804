/** A connection that holds bytes. */
export interface Holder {
  /** Returns true before a bind. */
  isAnonymous(): boolean;
  /** Closes the connection at once. */
  destroy(): void;
}

/**
 * The bytes that all connections of a process hold: incomplete messages, requests that wait, and responses that their peers have not read.
 * Each connection has limits of its own, but thousands of them together could still fill the memory.
 */
export interface HeldBytes {
  /**
   * Records what a connection holds now. While all together hold more than `maxBytes`, closes the one that holds most of those without a bind,
   * and then of the others.
   */
  record(holder: Holder, bytes: number): void;
}

export function createHeldBytes({ maxBytes, onClosed }: { maxBytes: number; onClosed: () => void }): HeldBytes {
  const held = new Map<Holder, number>();
  let total = 0;
  const set = (holder: Holder, bytes: number): void => {
    total += bytes - (held.get(holder) ?? 0);
    if (bytes === 0) held.delete(holder);
    else held.set(holder, bytes);
  };
  return {
    record: (holder, bytes) => {
      set(holder, bytes);
      while (total > maxBytes) {
        const anonymous = [...held].filter(([one]) => one.isAnonymous());
        const [largest] = (anonymous.length > 0 ? anonymous : [...held]).reduce((most, one) =>
          one[1] > most[1] ? one : most,
        );
        set(largest, 0);
        onClosed();
        largest.destroy();
      }
    },
  };
}
