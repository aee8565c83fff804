/** Most bytes of uploads that the process holds at the same time: two of the largest forms, or about twenty photos. */
const MAX_UPLOAD_BYTES = 64 * 1024 * 1024;

/** Limits the memory of all uploads in progress together. One per process. */
export interface UploadMemory {
  /**
   * Begins the upload of a person.
   *
   * @param end stops this upload; called when the memory is full and no other upload in progress is larger
   * @returns undefined if the person has another upload in progress
   */
  begin(personId: string, end: () => void): UploadReservation | undefined;
}

export interface UploadReservation {
  /**
   * Reserves memory for bytes that have arrived. If it is full, the largest uploads that are still arriving end, so that a few slow ones keep no
   * other out.
   */
  add(bytes: number): void;
  /** Keeps what is reserved until the release: the upload has arrived completely. */
  complete(): void;
  release(): void;
}

interface Upload {
  bytes: number;
  isArriving: boolean;
  end: () => void;
}

export function createUploadMemory(): UploadMemory {
  const uploads = new Map<string, Upload>();
  const isFull = (): boolean => uploads.values().reduce((sum, { bytes }) => sum + bytes, 0) > MAX_UPLOAD_BYTES;
  return {
    begin: (personId, end) => {
      if (uploads.has(personId)) return undefined;
      const upload: Upload = { bytes: 0, isArriving: true, end };
      uploads.set(personId, upload);
      return {
        add: (bytes) => {
          if (!upload.isArriving) return;
          upload.bytes += bytes;
          while (isFull()) if (endLargest([...uploads.values()]) === undefined) return;
        },
        complete: () => {
          upload.isArriving = false;
        },
        release: () => {
          uploads.delete(personId);
        },
      };
    },
  };
}

/** Ends the largest upload that is still arriving. @returns undefined if there is none */
function endLargest(uploads: readonly Upload[]): Upload | undefined {
  const [largest] = uploads.filter(({ isArriving }) => isArriving).sort((a, b) => b.bytes - a.bytes);
  if (largest === undefined) return undefined;
  Object.assign(largest, { bytes: 0, isArriving: false });
  largest.end();
  return largest;
}
