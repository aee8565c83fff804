/** Parts of a person's facts that a password must not contain, and parts that are too short to count. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import {
  findContextProblems,
  findUsedName,
  type ContextProblem,
  type PasswordContext,
} from '../../src/domain/credentials/password-context.ts';
import { checkNewPassword, type PasswordProblem } from '../../src/domain/credentials/password-policy.ts';
import { DEFAULT_LANGUAGE } from '../../src/domain/text.ts';

const EMPTY: PasswordContext = { names: [], emails: [], phones: [], accounts: [], studentNumbers: [], schools: [] };
const find = (password: string, facts: Partial<PasswordContext>): ContextProblem[] =>
  findContextProblems(password, { ...EMPTY, ...facts });

describe('names in a password', () => {
  it('names the longest part of a name that the password contains', () => {
    assert.equal(findUsedName('我們家的王小安最愛吃芒果', ['王大明', '王小安']), '王小安');
    assert.equal(findUsedName('我們家的小安最愛吃芒果', ['王大明', '王小安']), '小安');
    assert.equal(findUsedName('ivory lamp', ['王大明']), undefined);
  });

  it('count as given names after a surname of one or two characters', () => {
    assert.deepEqual(find('ivory歐陽小明lamp', { names: ['歐陽小明'] }), ['contains_name']);
    assert.deepEqual(find('ivory小明lamp', { names: ['歐陽小明'] }), ['contains_name']);
    assert.deepEqual(find('ivory大明lamp', { names: ['歐陽王大明'] }), [], 'not the end of a longer name');
  });

  it('count from two Chinese, Japanese or Korean characters on', () => {
    assert.deepEqual(find('明天下雨我們走路去學校', { names: ['王明'] }), []);
    assert.deepEqual(find('王明天天走路去學校', { names: ['王明'] }), ['contains_name']);
    assert.deepEqual(find('ivoryくらlamp', { names: ['さくら'] }), ['contains_name']);
    assert.deepEqual(find('ivoryクラlamp', { names: ['サクラ'] }), ['contains_name']);
    assert.deepEqual(find('ivory민지lamp', { names: ['김민지'] }), ['contains_name']);
  });

  it('count from four letters on, parts of a Latin name together', () => {
    assert.deepEqual(find('ivory-leanna-lamp', { names: ['Lê An Na'] }), ['contains_name']);
    assert.deepEqual(find('ivory-anna-lamp', { names: ['Anna'] }), ['contains_name']);
    assert.deepEqual(find('ivory-anna-lamp', { names: ['Ann'] }), []);
    assert.deepEqual(find('ivory-anna-lamp', { names: ['王Anna明'] }), ['contains_name']);
  });

  it('are not found if no name is known', () => {
    for (const facts of [{}, { names: ['Ann'] }, { names: ['王'] }, { currentPassword: 'four small boats' }]) {
      assert.deepEqual(find('ivory.stryker was here', facts), []);
    }
  });
});

describe('accounts, numbers and schools in a password', () => {
  it('count whole, with or without separators, from four characters on', () => {
    assert.deepEqual(find('ivory a.b.c-lamp', { accounts: [' a.b.c '] }), ['contains_account']);
    assert.deepEqual(find('ivory abc lamp', { accounts: ['a.b.c'] }), [], 'three letters without separators');
    assert.deepEqual(find('ivory-1133-lamp', { studentNumbers: ['1133'] }), ['contains_student_number']);
    assert.deepEqual(find('ivory-113-lamp', { studentNumbers: ['113'] }), []);
    assert.deepEqual(find('ivory示範高中lamp', { schools: ['示範 高中'] }), ['contains_school']);
  });

  it('count for email addresses with and without the domain', () => {
    assert.deepEqual(find('wang@parents.example', { emails: ['wang@parents.example'] }), ['contains_email']);
    assert.deepEqual(find('ivory-wang-lamp', { emails: ['wang@parents.example'] }), ['contains_email']);
    assert.deepEqual(find('ivory parents.example', { emails: ['wang@parents.example'] }), []);
  });
});

describe('telephone numbers in a password', () => {
  it('count by their last six digits', () => {
    assert.deepEqual(find('ivory 000101', { phones: ['0900-000-101'] }), ['contains_phone']);
    assert.deepEqual(find('ivory 123456', { phones: ['123456'] }), ['contains_phone']);
    for (const phone of ['+886900000101', '0900000101']) {
      assert.deepEqual(find('ivory-0101-lamp', { phones: [phone] }), [], phone);
    }
    assert.deepEqual(find('ivory 00010-lamp', { phones: ['+886900000101'] }), []);
    assert.deepEqual(find('ivory 12345', { phones: ['12345'] }), []);
  });
});

describe('IDs in a password', () => {
  const WITH_PART = 'ivory-00201-lamp';

  it('count by five characters in a row', () => {
    assert.deepEqual(find(WITH_PART, { nationalId: 'Y100100201' }), ['contains_id']);
    assert.deepEqual(find('ivory-0201-lamp', { nationalId: 'Y100100201' }), []);
    assert.deepEqual(find('ivory-y1001-lamp', { nationalId: ' y100 100-201 ' }), ['contains_id']);
  });

  it('count if the old password is a first password, not if it only contains one', () => {
    for (const currentPassword of ['100201', ' 100201 ', '１００２０１', 'Y100100201', 'yd00100201']) {
      assert.deepEqual(find(WITH_PART, { currentPassword }), ['contains_id'], currentPassword);
    }
    for (const currentPassword of ['lamp100201', '100201lamp', '1002011', 'YE00100201', 'xY100100201', 'Y1001002011']) {
      assert.deepEqual(find(WITH_PART, { currentPassword }), [], currentPassword);
    }
  });
});

describe('pieces and runs in a password', () => {
  const check = (password: string, minLength = 12): PasswordProblem[] =>
    checkNewPassword({ password, minLength, context: EMPTY });

  it('are too few when a short piece is repeated twice', () => {
    assert.deepEqual(check('ivory-lamp8'.repeat(2)), ['repetitive'], 'eleven characters twice');
    assert.deepEqual(check('ivory-lamp88'.repeat(2)), [], 'twelve characters twice');
    assert.deepEqual(check('ivorylamp'.repeat(2), 9), []);
    assert.deepEqual(check('ivorylamp'.repeat(2), 10), ['repetitive']);
    assert.deepEqual(check('ivory-lampivory-lam'), [], 'not the whole piece again');
    assert.deepEqual(check('marineparine'), [], 'another first letter');
    assert.deepEqual(check('IvOryLamp iVoRyLaMp '.slice(0, 20)), ['repetitive'], 'in any letter case');
  });

  it('are sequences across the ends of the alphabet and the digits', () => {
    // Runs of three: each is a run only over the end.
    for (const password of ['zab890yza901', 'baz109azy098']) {
      assert.deepEqual(check(password), ['repetitive'], password);
    }
    assert.deepEqual(check('zac890yza902'), []);
  });

  it('are rejected from three characters on average', () => {
    assert.deepEqual(check('abcxyz123987'), ['repetitive'], 'four runs of three');
    assert.deepEqual(check('abcxyz12398q'), [], 'five runs');
    assert.deepEqual(check('abccbadefxyz'), ['repetitive'], 'a run back begins at the turn');
    assert.deepEqual(check('aaabbbccceee'), ['repetitive'], 'four of the same');
    assert.deepEqual(check('acegikmoqsuw'), [], 'every second letter is no neighbor');
    assert.deepEqual(check('abababzyxyzz'), [], 'a run has one direction');
    assert.deepEqual(check('a1b2c3d4e5f6'), [], 'a letter and a digit are no neighbors');
    assert.deepEqual(check('z{|}~z{|}~zq'), [], 'signs are no neighbors');
  });

  it('must not contain invisible characters, before or after normalization', () => {
    const keycap = '\uFE0F\u20E3';
    assert.deepEqual(check(`ivory-lamps 1${keycap}`), [], 'the invisible character belongs to the emoji');
    assert.deepEqual(check(`ivory-lamps \uFF11${keycap}`), ['control_characters'], 'no emoji before normalization');
  });

  it('do not reject a single character', () => {
    assert.deepEqual(check('x', 1), []);
    assert.deepEqual(check('xx', 1), [], 'one character is long enough there');
    assert.deepEqual(check('xx', 2), ['repetitive']);
  });
});

it('the default language is Traditional Chinese as written in Taiwan', () => {
  assert.equal(DEFAULT_LANGUAGE, 'zh-TW');
});
