/** Most bytes of uploads that the process holds at the same time: two of the largest forms, or about twenty photos. */
const MAX_UPLOAD_BYTES = 64 * 1024 * 1024;

/** Limits the memory of all uploads in progress together. One per process. */
export interface UploadMemory {
  /**
   * Reserves memory for the upload of a person.
   *
   * @returns the function that releases it; undefined if too much is reserved, or the person has another upload in progress
   */
  reserve(personId: string, bytes: number): (() => void) | undefined;
}

export function createUploadMemory(): UploadMemory {
  const reserved = new Map<string, number>();
  return {
    reserve: (personId, bytes) => {
      const total = reserved.values().reduce((sum, one) => sum + one, bytes);
      if (reserved.has(personId) || total > MAX_UPLOAD_BYTES) return undefined;
      reserved.set(personId, bytes);
      return () => {
        reserved.delete(personId);
      };
    },
  };
}
