import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { maskLogin, maskName } from '../../src/domain/masking.ts';

describe('maskLogin', () => {
  it('keeps the first character and the domain of an email address', () => {
    assert.equal(maskLogin('meiling@parents.example'), 'm•••@parents.example');
  });

  it('keeps the first and the last character of other logins, and hides the length', () => {
    for (const [login, masked] of [
      ['meiling.chen', 'm•••n'],
      ['+886912345678', '+•••8'],
    ] as const) {
      assert.equal(maskLogin(login), masked);
    }
  });
});

describe('maskName', () => {
  it('keeps the first and the last character, and only the first one of a short name', () => {
    for (const [name, masked] of [
      ['王大明', '王•••明'],
      ['王明', '王•••'],
      ['𠮷田大明', '𠮷•••明'],
      ['Anna Nguyễn', 'A•••n'],
      ['', '•••'],
    ] as const) {
      assert.equal(maskName(name), masked);
    }
  });
});
