import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  isAccountName,
  isEmail,
  parseLogin,
  parseMobile,
  parseSchoolAccount,
  normalizeText,
} from '../../src/domain/credentials/identifiers.ts';
import { isNationalId, lastSix, normalizeNationalId } from '../../src/domain/credentials/national-id.ts';

const TODAY = '2026-11-23';

/** A second implementation of the check digit, from the published letter values of the household registration rules. */
const LETTERS = 'ABCDEFGHJKLMNPQRSTUVXYWZIO';
function withCheckDigit(letter: string, second: string, seven: string): string {
  const value = LETTERS.indexOf(letter) + 10;
  const secondValue = /\d/.test(second) ? Number(second) : (LETTERS.indexOf(second) + 10) % 10;
  const digits = [Math.floor(value / 10), value % 10, secondValue, ...Array.from(seven, Number)];
  const weights = [1, 9, 8, 7, 6, 5, 4, 3, 2, 1];
  const sum = digits.reduce((total, digit, at) => total + digit * (weights[at] ?? 0), 0);
  return `${letter}${second}${seven}${String((10 - (sum % 10)) % 10)}`;
}

const idParts = fc.tuple(
  fc.constantFrom(...Array.from(LETTERS)),
  fc.constantFrom('1', '2', '8', '9', 'A', 'B', 'C', 'D'),
  fc.stringMatching(/^[0-9]{7}$/),
);

describe('isNationalId', () => {
  it('accepts every letter and form with the correct check digit only', () => {
    fc.assert(
      fc.property(idParts, ([letter, second, seven]) => {
        const id = withCheckDigit(letter, second, seven);
        assert.equal(isNationalId(id, TODAY), true, id);
        for (let digit = 0; digit <= 9; digit += 1) {
          const other = id.slice(0, 9) + String(digit);
          assert.equal(isNationalId(other, TODAY), other === id, other);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('accepts the ids of the demo city and published examples', () => {
    const known = ['Y100100201', 'Y200100301', 'Y800100803', 'Y200200404', 'A123456789', 'AC01234567', 'A800000014'];
    for (const id of known) assert.equal(isNationalId(id, TODAY), true, id);
  });

  it('rejects other formats', () => {
    const wrong = [
      '',
      'A12345678',
      'A1234567890',
      'A323456789',
      'AE01234567',
      'a123456789',
      ' A123456789',
      '１２３４５６７８９０',
    ];
    for (const id of wrong) assert.equal(isNationalId(id, TODAY), false, id);
  });

  it('rejects resident certificates of the old format after 2030', () => {
    assert.equal(isNationalId('AC01234567', '2030-12-31'), true);
    assert.equal(isNationalId('AC01234567', '2031-01-01'), false);
    assert.equal(isNationalId('A123456789', '2031-01-01'), true);
    assert.equal(isNationalId('A800000014', '2031-01-01'), true);
  });

  it('normalizes width, case and spaces; a second normalization changes nothing', () => {
    assert.equal(normalizeNationalId(' ｙ１００ 100\u3000201\u200b'), 'Y100100201');
    assert.equal(normalizeNationalId('ac01234567'), 'AC01234567');
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const once = normalizeNationalId(text);
        assert.equal(normalizeNationalId(once), once);
      }),
    );
    assert.equal(lastSix('Y100100201'), '100201');
  });
});

const toFullWidth = (letter: string): string => String.fromCodePoint((letter.codePointAt(0) ?? 0) + 0xfee0);

describe('parseLogin', () => {
  it('accepts a mobile number in every common notation', () => {
    const writings = [
      '0900000101',
      ' 0900-000-101 ',
      '0900 000 101',
      '(0900)000.101',
      '+886900000101',
      '+886 900 000 101',
      '+886-0900-000-101',
      '+886 (0)900 000 101',
      '886900000101',
      '00886900000101',
      '０９００－０００－１０１',
      '0900–000–101',
      '\u202a+886 900 000 101\u202c',
    ];
    for (const text of writings) assert.deepEqual(parseLogin(text), { kind: 'mobile', value: '+886900000101' }, text);
    for (const text of ['090000010', '09000001011', '0800000101', '+85290000101', '0２1234567', '+8868900000101']) {
      assert.equal(parseLogin(text), undefined, text);
      assert.equal(parseMobile(text), undefined, text);
    }
  });

  it('accepts every mobile number with separators at any position', () => {
    const cut = fc.array(fc.constantFrom(' ', '-', '', '.', '\u3000', '－'), { minLength: 10, maxLength: 10 });
    fc.assert(
      fc.property(fc.stringMatching(/^09[0-9]{8}$/), cut, (number, marks) => {
        const text = Array.from(number, (digit, at) => digit + (marks[at] ?? '')).join('');
        assert.deepEqual(parseLogin(text), { kind: 'mobile', value: `+886${number.slice(1)}` });
      }),
    );
  });

  it('accepts email addresses and converts them to lower case', () => {
    const value = 'daming.wang@parents.example';
    for (const text of [
      value,
      ' DaMing.Wang@Parents.Example\u3000',
      'ｄａｍｉｎｇ．ｗａｎｇ＠ｐａｒｅｎｔｓ．ｅｘａｍｐｌｅ',
    ]) {
      assert.deepEqual(parseLogin(text), { kind: 'email', value }, text);
    }
    const long = `${'a'.repeat(64)}@${'b'.repeat(60)}.example`;
    assert.equal(isEmail(long), true);
    const wrong = [
      '@',
      'a@b',
      'a@b.',
      'a@.b',
      'a@@b.example',
      'a b@c.example',
      '.a@b.example',
      'a..b@c.example',
      'a@-b.example',
      `a${long}`,
      '王@parents.example',
      `a@${'b.'.repeat(130)}example`,
    ];
    for (const text of wrong) assert.equal(parseLogin(text), undefined, text);
  });

  it('accepts other text as an account name', () => {
    for (const text of ['an.wang', 'IT.993301', 'bureau', 'ＺＨＩＨＡＯ．lin', 'a-b_c', 'p123a']) {
      assert.deepEqual(parseLogin(text), { kind: 'account', value: normalizeText(text).toLowerCase() }, text);
    }
    const wrong = [
      '',
      ' ',
      'abc',
      '1abc',
      '.abc',
      'an wang',
      '王小安',
      'a'.repeat(65),
      'P11330001',
      'p1234',
      "a'--1",
      'abcd\u0000',
    ];
    for (const text of wrong) assert.equal(parseLogin(text), undefined, text);
    assert.equal(isAccountName('An.Wang'), false);
  });

  it('ignores invisible characters anywhere and Chinese punctuation at the ends of a login', () => {
    const unseen = fc.constantFrom(
      '\u200b',
      '\u200d',
      '\ufeff',
      '\u2060',
      '\u202a',
      '\u200e',
      '\u00ad',
      '\u00a0',
      '\u202f',
    );
    const around = fc.array(
      fc.oneof(unseen, fc.constantFrom(...Array.from('。，、；：！？「」『』（）【】《》“”\u3000 \t｡'))),
      {
        maxLength: 5,
      },
    );
    const names = fc.constantFrom('daming.wang@parents.example', '0900000101', 'an.wang', 'an.', 'a{b}@c.example');
    const isWide = fc.array(fc.boolean(), { minLength: 30, maxLength: 30 });
    const inner = fc.array(fc.option(unseen, { nil: '' }), { minLength: 30, maxLength: 30 });
    fc.assert(
      fc.property(names, around, around, isWide, inner, (name, before, after, wide, marks) => {
        const typed = Array.from(name, (letter, at) => (wide[at] ? toFullWidth(letter) : letter) + (marks[at] ?? ''));
        const text = [...before, ...typed, ...after].join('');
        assert.deepEqual(parseLogin(text), parseLogin(name), JSON.stringify(text));
      }),
    );
    assert.deepEqual(parseLogin('daming。wang@parents。example。'), parseLogin('daming.wang@parents.example'));
    assert.equal(parseSchoolAccount('「Ｐ\u200b11330001」。'), 'p11330001');
  });

  it('never throws and returns a normal form for any text', () => {
    const anything = fc.oneof(fc.string({ unit: 'binary', maxLength: 400 }), fc.string(), fc.emailAddress());
    fc.assert(
      fc.property(anything, (text) => {
        const login = parseLogin(text);
        if (login) assert.deepEqual(parseLogin(login.value), login);
      }),
      { numRuns: 1000 },
    );
    for (const text of ['\u0000', 'an.wang\u0000', 'a\u0007bcd', 'an\nwang', 'x'.repeat(255), 'ﷺ'.repeat(100)]) {
      assert.equal(parseLogin(text), undefined);
    }
  });

  it('parses adversarial input in under a second', () => {
    const started = performance.now();
    for (const text of [
      'a.'.repeat(127),
      `${'a'.repeat(120)}@${'a-'.repeat(66)}`,
      '-'.repeat(254),
      ' '.repeat(1_000_000),
    ]) {
      assert.equal(parseLogin(text), undefined);
    }
    assert.ok(performance.now() - started < 1_000);
  });

  it('rejects school accounts', () => {
    assert.equal(parseLogin('Ｐ１１３３０００１'), undefined);
    fc.assert(
      fc.property(fc.stringMatching(/^[pP][0-9]{1,16}$/), (text) => {
        assert.equal(parseLogin(text), undefined);
      }),
    );
  });
});
