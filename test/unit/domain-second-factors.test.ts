import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import {
  createRecoveryCodes,
  isRecoveryCode,
  normalizeRecoveryCode,
  RECOVERY_CODE_COUNT,
} from '../../src/domain/credentials/recovery-codes.ts';
import { encodeTotpSecret, findTotpStep, totpUri } from '../../src/domain/credentials/totp.ts';
import { totpCode } from '../helpers/totp.ts';
import { systemRandom } from '../../src/domain/random.ts';

/** The secret of RFC 6238, appendix B. */
const SECRET = encodeTotpSecret(Buffer.from('12345678901234567890'));
const STEP_MS = 30_000;

describe('TOTP', () => {
  it('has the codes of RFC 6238, appendix B, shortened to six digits', () => {
    for (const [seconds, code] of [
      [59, '287082'],
      [1111111109, '081804'],
      [1111111111, '050471'],
      [1234567890, '005924'],
      [2000000000, '279037'],
      [20000000000, '353130'],
    ] as const) {
      assert.equal(totpCode(SECRET, seconds * 1000), code);
      assert.equal(findTotpStep(SECRET, code, seconds * 1000), Math.floor(seconds / 30));
    }
  });

  it('accepts one step before and one after the current one', () => {
    const now = 1_000 * STEP_MS;
    for (const [offset, step] of [
      [-2, undefined],
      [-1, 999],
      [0, 1_000],
      [1, 1_001],
      [2, undefined],
    ] as const) {
      assert.equal(findTotpStep(SECRET, totpCode(SECRET, now + offset * STEP_MS), now), step, String(offset));
    }
  });

  it('accepts spaces and full-width digits, and nothing else', () => {
    assert.equal(findTotpStep(SECRET, ' 287 082 ', 59_000), 1);
    assert.equal(findTotpStep(SECRET, '２８７０８２', 59_000), 1);
    for (const code of ['', '28708', '2870820', '28708x', '94287082', '-287082x', '١٢٣٤٥٦']) {
      assert.equal(findTotpStep(SECRET, code, 59_000), undefined, code);
    }
  });

  it('has a URI for authenticator apps', () => {
    const uri = new URL(totpUri(SECRET, '城市登入', 'meiling@example.tw'));
    assert.equal(uri.protocol, 'otpauth:');
    assert.equal(uri.searchParams.get('secret'), 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ');
    assert.equal(uri.searchParams.get('issuer'), '城市登入');
    assert.equal(uri.searchParams.get('digits'), '6');
    assert.equal(uri.searchParams.get('period'), '30');
  });
});

describe('recovery codes', () => {
  it('are ten different codes of 120 bits in six groups', () => {
    const codes = createRecoveryCodes(systemRandom);
    assert.equal(codes.length, RECOVERY_CODE_COUNT);
    assert.equal(new Set(codes).size, codes.length);
    for (const code of codes) assert.match(code, /^[0-9A-HJKMNP-TV-Z]{4}(-[0-9A-HJKMNP-TV-Z]{4}){5}$/);
    assert.equal(
      createRecoveryCodes({ bytes: (count) => Buffer.alloc(count, 255) })[0],
      'ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZZZZ',
    );
  });

  it('are recognized without separators, in lower case and with letters that look like digits', () => {
    assert.equal(normalizeRecoveryCode(' oil1-2345 '), '01112345');
    assert.equal(normalizeRecoveryCode('ＡＢ－12'), 'AB12');
    const [code = ''] = createRecoveryCodes(systemRandom);
    assert.ok(isRecoveryCode(normalizeRecoveryCode(code.toLowerCase().replaceAll('-', ' '))));
    assert.ok(!isRecoveryCode(normalizeRecoveryCode(code.slice(1))));
  });
});
