import assert from 'node:assert/strict';
import { it } from 'node:test';

import { createQrCode } from '../../src/presentation/qr-code.ts';

it('a QR code is a path of one square for each dark module, inside a quiet zone of four', () => {
  const { size, path } = createQrCode('otpauth://totp/Kinpass');
  // Version 2 has 25 modules: 22 bytes do not fit into version 1 at level M (ISO/IEC 18004, table 7).
  assert.equal(size, 25 + 2 * 4);
  assert.match(path, /^(?:M\d+ \d+h1v1h-1z)+$/);
  const dark = new Set([...path.matchAll(/M(\d+) (\d+)h/g)].map(([, x = '', y = '']) => `${x} ${y}`));
  // The finder pattern of the top left corner: a ring of 7 by 7 modules around a square of 3 by 3.
  for (let y = 0; y < 7; y += 1) {
    for (let x = 0; x < 7; x += 1) {
      const distance = Math.max(Math.abs(x - 3), Math.abs(y - 3));
      assert.equal(dark.has(`${String(x + 4)} ${String(y + 4)}`), distance !== 2, `${String(x)} ${String(y)}`);
    }
  }
  for (const one of dark) for (const at of one.split(' ')) assert.ok(Number(at) >= 4 && Number(at) < size - 4, one);
});
