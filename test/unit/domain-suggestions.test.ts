/** One-time codes, suggested account names, school accounts and the search of schools. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { matchSchools } from '../../src/domain/binding/school-search.ts';
import { suggestAccountNames } from '../../src/domain/credentials/account-names.ts';
import { parseSchoolAccount } from '../../src/domain/credentials/identifiers.ts';
import { createOneTimeCode, formatOneTimeCode, ONE_TIME_CODE_MS } from '../../src/domain/credentials/one-time-code.ts';

describe('a one-time code', () => {
  it('has ten characters that people do not confuse, each equally likely', () => {
    const bytes = [0, 22, 23, 255, 253, 252, ...Array.from({ length: 10 }, () => 1)];
    const random = { bytes: () => Buffer.from([bytes.shift() ?? 0]), uuid: () => '' };
    const code = createOneTimeCode(random);
    assert.equal(code, '3Y3Y444444', '253 to 255 are skipped, because 256 is no multiple of 23');
    assert.equal(formatOneTimeCode(code), '3Y3Y4 44444');
  });

  it('is valid for a day', () => {
    assert.equal(ONE_TIME_CODE_MS, 86_400_000);
  });
});

describe('suggested account names', () => {
  it('replace the digits at the end, and are different and valid', () => {
    const bytes = Buffer.from([0, 0, 0, 0, 0, 5, 3, 222]);
    assert.deepEqual(suggestAccountNames('daming.wang7', bytes), ['daming.wang10', 'daming.wang15']);
    assert.deepEqual(suggestAccountNames('daming.wang10', bytes), ['daming.wang15']);
    assert.deepEqual(suggestAccountNames('p11', bytes), [], 'a school account is no account name');
  });
});

describe('the account of a family inside a school', () => {
  it('is accepted in any spelling', () => {
    for (const typed of ['P11330001', 'p11330001', ' ｐ１１３３０００１ ', 'P 1133-0001']) {
      assert.equal(parseSchoolAccount(typed), 'p11330001', typed);
    }
  });

  it('is P and digits only', () => {
    for (const typed of ['11330001', 'P', 'PA1', 'P11330001x', 'xP1', `P${'1'.repeat(17)}`, '']) {
      assert.equal(parseSchoolAccount(typed), undefined, typed);
    }
  });
});

describe('the search of schools', () => {
  const school = (code: string, name: string, nameEn: string, district: string) => {
    return { code, name, nameEn, district, type: 'senior_high' as const };
  };
  const SCHOOLS = [
    school('993301', '示範高中', 'Demo High', '東區'),
    school('993302', '示範高中分校', 'Demo High Branch', '西區'),
    school('993401', '明德高工', 'Mingde', '東區'),
  ];
  const codes = (typed: string): string[] => matchSchools(SCHOOLS, typed).map(({ code }) => code);

  it('finds one school by its code or name, although others contain the name', () => {
    assert.deepEqual(codes('９９３３０１'), ['993301']);
    assert.deepEqual(codes(' 示範高中 '), ['993301']);
    assert.deepEqual(codes('DEMO high'), ['993301']);
  });

  it('finds all schools with a part of the name, or of the district', () => {
    assert.deepEqual(codes('示範'), ['993301', '993302']);
    assert.deepEqual(codes('東區'), ['993301', '993401']);
    assert.deepEqual(codes('branch'), ['993302']);
    assert.deepEqual(codes('東區明德'), ['993401']);
  });

  it('finds nothing without a text, or for an unknown one', () => {
    for (const typed of ['', '  ', '無此校', '99330']) assert.deepEqual(codes(typed), [], typed);
  });
});
