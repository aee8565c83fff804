import { timingSafeEqual } from 'node:crypto';

/** Returns true if two values are equal. The time depends on their lengths only. */
export function isEqualConstantTime(a: string | Buffer, b: string | Buffer): boolean {
  const left = Buffer.from(a);
  const right = Buffer.from(b);
  return left.length === right.length && timingSafeEqual(left, right);
}
