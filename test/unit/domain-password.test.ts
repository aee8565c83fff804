import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  MAX_PASSWORD_LENGTH,
  checkNewPassword,
  normalizePassword,
} from '../../src/domain/credentials/password-policy.ts';
import type { PasswordContext, PasswordProblem } from '../../src/domain/credentials/password-policy.ts';
import { codePoints, foldForComparison } from '../../src/domain/text.ts';

const EMPTY: PasswordContext = { names: [], emails: [], phones: [], accounts: [], studentNumbers: [], schools: [] };

/** G1 of the demo city at the first sign-in, with both children. */
const FATHER: PasswordContext = {
  names: ['王大明', '王小安', '王小樂'],
  emails: ['daming.wang@parents.example'],
  phones: ['+886900000101'],
  accounts: ['an.wang'],
  studentNumbers: ['11330001', '11060001'],
  schools: ['示範高中', '示範國小', '993301'],
  nationalId: 'Y100100201',
  currentPassword: '100201',
};

const check = (password: string, context: PasswordContext = FATHER, minLength = 12): PasswordProblem[] =>
  checkNewPassword({ password, minLength, context });

describe('checkNewPassword: length', () => {
  it('counts code points, before and after NFKC', () => {
    assert.deepEqual(check('ivory-lamp-7', EMPTY), []);
    assert.deepEqual(check('ivory-lamp-', EMPTY), ['too_short']);
    assert.deepEqual(check('', EMPTY), ['too_short']);
    assert.deepEqual(check('今天下雨我們走路去學校喔', EMPTY), []);
    assert.deepEqual(check('🐘🍵🌧🚲🎈🧩🥁🪁🧦🦉🍋', EMPTY), ['too_short'], 'eleven signs, twenty-two units');
    assert.deepEqual(check('🐘🍵🌧🚲🎈🧩🥁🪁🧦🦉🍋🫖', EMPTY), []);
    assert.deepEqual(check('ﷺ', EMPTY), ['too_short'], 'one sign that NFKC makes eighteen');
    assert.deepEqual(check('e\u0301'.repeat(2) + 'ivory-la', EMPTY), ['too_short'], 'twelve that NFKC makes ten');
    assert.deepEqual(check('ivory-lamp', EMPTY, 8), []);
  });

  it('accepts long passwords and rejects extreme lengths quickly', () => {
    const words = (count: number): string =>
      Array.from({ length: count }, (_, at) => String.fromCodePoint(0x4e00 + at * 7)).join('');
    for (const length of [64, MAX_PASSWORD_LENGTH]) assert.deepEqual(check(words(length), EMPTY), []);
    assert.deepEqual(check(words(MAX_PASSWORD_LENGTH + 1), EMPTY), ['too_long']);
    const started = performance.now();
    assert.deepEqual(check('x'.repeat(1_000_000)), ['too_long']);
    assert.deepEqual(check('a' + '\u0301'.repeat(2_000)), ['too_long']);
    check('ab'.repeat(128));
    assert.ok(performance.now() - started < 2_000);
  });

  it('rejects control characters and no other character class', () => {
    assert.deepEqual(check('ivory\u0000lamp-77', EMPTY), ['control_characters']);
    assert.deepEqual(check('ivory\tlamp-777', EMPTY), ['control_characters']);
    for (const good of [
      'ivory lamp 77 hall',
      'ｆｕｌｌ ｗｉｄｔｈ ｉｖｏｒｙ',
      '             .',
      'mưa rơi ngoài sân',
      'дождь за окном',
    ]) {
      const expected: PasswordProblem[] = good.startsWith('  ') ? ['repetitive'] : [];
      assert.deepEqual(check(good, EMPTY), expected, good);
    }
  });
});

describe('checkNewPassword: invisible characters', () => {
  const BASE = 'ivory lamp 77 hall';
  /** One of each kind: zero width, bidirectional, soft hyphen, fillers, separators, tags, selectors, private use, unassigned, surrogate. */
  const INVISIBLE = [
    ...['\u200B', '\u200C', '\u200D', '\u2060', '\uFEFF', '\u200E', '\u202A', '\u202E', '\u2066', '\u2069', '\u061C'],
    ...[
      '\u00AD',
      '\u034F',
      '\u115F',
      '\u3164',
      '\uFFA0',
      '\u17B4',
      '\u180E',
      '\u2028',
      '\u2029',
      '\uFFF9',
      '\u{1D173}',
    ],
    ...['\uFE00', '\uFE0F', '\u{E0100}', '\u{E0001}', '\u{E0067}', '\u{E007F}', '\uE000', '\u{F0000}', '\u{10FFFD}'],
    ...['\u0378', '\uFFFF', '\u{50005}', '\uD800', '\uDC00', '\u0000', '\u0085', '\u009F'],
  ];
  const EMOJI = ['👨‍👩‍👧‍👦', '👩🏽‍⚕️', '🏳️‍🌈', '🏴󠁧󠁢󠁥󠁮󠁧󠁿', '1️⃣', '#️⃣', '❤️', '☺︎', '👁‍🗨', '🇹🇼', '✊🏿', '🧑🏻‍❤️‍💋‍🧑🏿', '\u{1FAFF}'];
  const cut = fc.nat(BASE.length);
  const at = (place: number, text: string): string => BASE.slice(0, place) + text + BASE.slice(place);

  it('are rejected at every position', () => {
    fc.assert(
      fc.property(cut, fc.constantFrom(...INVISIBLE), (place, sign) => {
        assert.deepEqual(check(at(place, sign), EMPTY), ['control_characters'], JSON.stringify(sign));
      }),
    );
  });

  it('are accepted inside an emoji, at every position', () => {
    fc.assert(
      fc.property(cut, fc.constantFrom(...EMOJI), fc.constantFrom(...EMOJI), (place, one, other) => {
        assert.deepEqual(check(at(place, one + other), EMPTY), []);
      }),
    );
  });

  it('are rejected next to an emoji and in sequences that only resemble one', () => {
    for (const text of [
      '👩\u200D',
      '\u200D👩',
      '👩\u200Da',
      '👩\u200D\u200D👩',
      '👩\u200B',
      '\uFE0F👩',
      '👩\uFE0F\uFE0F',
    ]) {
      assert.deepEqual(check(BASE + text, EMPTY), ['control_characters'], JSON.stringify(text));
    }
    for (const text of [
      '1\u200D2',
      '1\uFE0F',
      '#\uFE0E',
      'a\u20E3\uFE0F',
      '🏴\u{E0041}\u{E007F}',
      '葛\u{E0100}',
      '👩🏽🏽\u200D👩',
    ]) {
      assert.deepEqual(check(BASE + text, EMPTY), ['control_characters'], JSON.stringify(text));
    }
  });

  it('are the only characters that are rejected', () => {
    const visible = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
      .filter((text) => !/[\p{C}\p{Z}\p{DI}]/u.test(text.normalize('NFKC') + text));
    fc.assert(
      fc.property(visible, (text) => {
        assert.ok(!check(`${BASE} ${text}`, EMPTY).includes('control_characters'), JSON.stringify(text));
      }),
    );
  });
});

describe('checkNewPassword: predictable passwords', () => {
  it('rejects repetitions and sequences', () => {
    const dull = [
      'aaaaaaaaaaaa',
      'abcabcabcabc',
      'ABCabcABCabc',
      'kinpasskinpass',
      'abcdefghijkl',
      'lkjihgfedcba',
      '123456789012',
      '098765432109',
      'abcdef123456',
      '111122223333',
      '我愛你我愛你我愛你我愛你',
      '🐘🐘🐘🐘🐘🐘🐘🐘🐘🐘🐘🐘',
    ];
    for (const password of dull) assert.deepEqual(check(password, EMPTY), ['repetitive'], password);
    for (const password of ['ivory lamp ivory lamps', 'abc ivory 123 lamp', 'hall of mirrors!']) {
      assert.deepEqual(check(password, EMPTY), [], password);
    }
  });

  it('rejects every repeated short piece', () => {
    const piece = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 6 })
      .filter((text) => codePoints(text.normalize('NFKC')).length < 12);
    fc.assert(
      fc.property(piece, (text) => {
        assert.ok(check(text.normalize('NFKC').repeat(12), EMPTY).includes('repetitive'));
      }),
    );
  });

  it('rejects a repeated Σ, whose lower case depends on its neighbors', () => {
    assert.ok(check('Σ À'.repeat(12), EMPTY).includes('repetitive'));
  });

  it('accepts random passwords', () => {
    const random = fc.array(fc.constantFrom(...codePoints('abcdefghijkmnpqrstuvwxyz23456789')), {
      minLength: 14,
      maxLength: 14,
    });
    fc.assert(
      fc.property(fc.noBias(random), (points) => {
        assert.deepEqual(check(points.join(''), EMPTY), []);
      }),
      { numRuns: 500, seed: 20261123 },
    );
  });
});

describe('checkNewPassword: personal information', () => {
  const cases: [string, PasswordProblem][] = [
    ['我叫王大明今年四十二歲了', 'contains_name'],
    ['大明湖畔的夏天雨下得好大', 'contains_name'],
    ['我們家的小樂最喜歡吃芒果', 'contains_name'],
    ['DAMING.WANG@parents.example', 'contains_email'],
    ['ivory-daming.wang-lamp', 'contains_email'],
    ['ivory DamingWang lamp', 'contains_email'],
    ['ivory 0900000101', 'contains_phone'],
    ['lamp+886900000101', 'contains_phone'],
    ['ivory-0900-000-101', 'contains_phone'],
    ['ivory-lamp-000101', 'contains_phone'],
    ['ivory-AN.WANG-lamp', 'contains_account'],
    ['ivory-lamp-11330001', 'contains_student_number'],
    ['我的孩子讀示範高中二年級', 'contains_school'],
    ['ivory-993301-lamp', 'contains_school'],
    ['ivory-Y100100201', 'contains_id'],
    ['ivory-y10010-lamp', 'contains_id'],
    ['ivory-１００２０１-lamp', 'contains_id'],
    ['ivory-00100-lamp', 'contains_id'],
  ];
  for (const [password, problem] of cases) {
    it(`finds ${problem} in ${password}`, () => {
      assert.ok(check(password).includes(problem), check(password).join());
    });
  }

  it('returns all problems once, in a fixed order', () => {
    assert.deepEqual(check('王大明0900000101'), ['contains_name', 'contains_phone']);
    assert.deepEqual(check('100201'), ['too_short', 'same_as_current', 'contains_id']);
  });

  it('accepts other sentences of the same people', () => {
    for (const password of [
      '下雨天我們一起走路去學校',
      'Kinpass-Demo-2026',
      'green tea at 4 o clock',
      '王先生最愛喝高山烏龍茶葉',
    ]) {
      assert.deepEqual(check(password), [], password);
    }
  });

  it('compares Latin names without accents, from four letters on', () => {
    const mother: PasswordContext = { ...EMPTY, names: ['Nguyễn Thị Lan', 'Đặng Văn An'] };
    for (const password of ['ivory-nguyen-lamp', 'ivory-NGUYỄN-lamp', 'dang with ivory lamp', 'ng uyen thi lan 88']) {
      assert.deepEqual(check(password, mother), ['contains_name'], password);
    }
    assert.deepEqual(check('a plan for the island', mother), []);
    assert.equal(foldForComparison('ＮＧＵＹỄＮ'), 'nguyen');
    assert.notEqual(foldForComparison('が'), foldForComparison('か'), 'accents are dropped in Latin letters only');
  });

  it('treats the first password of a school account as a national ID', () => {
    const family: PasswordContext = { ...EMPTY, currentPassword: 'Y200200404' };
    assert.deepEqual(check('ivory-lamp-00404', family), ['contains_id']);
    assert.deepEqual(check('ivory-lamp-y2002', family), ['contains_id']);
  });

  it('accepts a small change of the old password, but not the same one', () => {
    const context: PasswordContext = { ...EMPTY, currentPassword: 'ivory lamp ｈａｌｌ' };
    assert.deepEqual(check('ivory lamp hall', context), ['same_as_current']);
    assert.deepEqual(check('ivory lamp halls', context), []);
  });

  it('finds any five consecutive characters of an ID at any position', () => {
    const id = fc.stringMatching(/^[A-Z][1289][0-9]{8}$/);
    const around = fc.string({ maxLength: 20 });
    fc.assert(
      fc.property(id, fc.nat(5), around, around, (nationalId, at, before, after) => {
        const password = `${before} ${nationalId.slice(at, at + 5).toLowerCase()} ${after}`;
        assert.ok(check(password, { ...EMPTY, nationalId }).includes('contains_id'));
      }),
    );
  });

  it('never throws for any facts, and finds nothing with empty facts', () => {
    const texts = fc.array(fc.string({ unit: 'binary' }), { maxLength: 3 });
    const context = fc.record({
      names: texts,
      emails: texts,
      phones: texts,
      accounts: texts,
      studentNumbers: texts,
      schools: texts,
      nationalId: fc.string(),
      currentPassword: fc.string(),
    });
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 40 }), context, (password, facts) => {
        assert.ok(Array.isArray(check(password, facts)));
      }),
    );
    const blank: PasswordContext = {
      names: [''],
      emails: ['', '@'],
      phones: [''],
      accounts: [''],
      studentNumbers: [''],
      schools: [' '],
      nationalId: '',
      currentPassword: '',
    };
    assert.deepEqual(check('ivory lamp hall', blank), []);
  });

  it('normalizes to NFKC without trimming', () => {
    assert.equal(normalizePassword('ｉｖｏｒｙ e\u0301 ①'), 'ivory é 1');
    assert.equal(normalizePassword('  Ivory '), '  Ivory ');
  });
});
