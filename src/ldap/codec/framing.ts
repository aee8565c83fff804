/** The peer sent bytes that cannot begin a message, or a message above the limit. The connection cannot continue. */
export class FrameError extends Error {
  override name = 'FrameError';
}

export interface Framer {
  /** Adds received bytes. */
  push(chunk: Buffer): void;
  /**
   * Takes the next message.
   *
   * @returns undefined while it is not complete
   * @throws {FrameError}
   */
  next(): Buffer | undefined;
  /** Returns the number of bytes behind the last message that was taken. */
  pending(): number;
  /** Returns the bytes of memory that an incomplete message holds. */
  capacity(): number;
}

/** A sequence: the tag of every message (RFC 4511, section 4.1.1). */
const MESSAGE_TAG = 0x30;
const MAX_LENGTH_BYTES = 4;

/**
 * Creates the splitter of a stream into messages. It reads the length of a message before its content, so a message above the limit costs
 * no memory.
 *
 * @param maxBytes returns the limit for the next message
 */
export function createFramer(maxBytes: () => number): Framer {
  let buffer = Buffer.alloc(0);
  let start = 0;
  let end = 0;
  return {
    pending: () => end - start,
    capacity: () => buffer.length,
    push: (chunk) => {
      if (end + chunk.length > buffer.length) {
        const used = end - start;
        // Doubling: bytes that arrive one by one are not copied each time.
        const larger = Buffer.allocUnsafe(Math.max(used + chunk.length, 2 * used));
        buffer.copy(larger, 0, start, end);
        [buffer, start, end] = [larger, 0, used];
      }
      chunk.copy(buffer, end);
      end += chunk.length;
    },
    next: () => {
      const size = messageSize(buffer.subarray(start, end), maxBytes());
      if (size === undefined || start + size > end) return undefined;
      const message = Buffer.from(buffer.subarray(start, start + size));
      start += size;
      // An idle connection holds no buffer.
      if (start === end) [buffer, start, end] = [Buffer.alloc(0), 0, 0];
      return message;
    },
  };
}

/** Returns the size of the message that begins here, with its header; `undefined` while the header is not complete. @throws {FrameError} */
function messageSize(bytes: Buffer, maxBytes: number): number | undefined {
  const [tag, first] = bytes;
  if (tag !== undefined && tag !== MESSAGE_TAG) throw new FrameError('message does not begin with a sequence');
  if (first === undefined) return undefined;
  if (first < 0x80) return checkSize(2 + first, maxBytes);
  const count = first - 0x80;
  if (count === 0 || count > MAX_LENGTH_BYTES) throw new FrameError('length of a message is not valid');
  if (bytes.length < 2 + count) return undefined;
  return checkSize(2 + count + bytes.readUIntBE(2, count), maxBytes);
}

function checkSize(size: number, maxBytes: number): number {
  if (size > maxBytes) throw new FrameError(`message has ${size} bytes; the limit is ${maxBytes}`);
  return size;
}
