/** Claims by scope: the table of docs/claims.md. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { z } from 'zod';
import { ADULTS } from '../../demo/city/fixtures.ts';
import { SCOPE_CLAIMS } from '../../src/domain/claims/scopes.ts';
import { PERMISSIONS } from '../../src/domain/model.ts';
import { LOGIN } from '../helpers/authorization-flow.ts';
import { childrenOf, useCityApps, readReleasedClaims, type ReleasedClaims } from '../helpers/city-apps.ts';

const running = useCityApps();

const G2 = { login: LOGIN.G2, choice: ['王小安'] };

/** The claims of every ID token. */
const ALWAYS = ['acr', 'amr', 'aud', 'auth_time', 'exp', 'iat', 'iss', 'nonce', 'sid', 'sub', 'at_hash'];

describe('scopes and claims (docs/claims.md)', () => {
  const only = (scopes: string): Promise<ReleasedClaims> =>
    readReleasedClaims(running().all, { ...G2, parameters: { scope: scopes } });
  const keys = (claims: object): string[] => Object.keys(claims).sort();

  for (const [scope, claims] of Object.entries(SCOPE_CLAIMS)) {
    if (scope === 'offline_access') continue;
    it(`${scope} gives exactly its claims`, async () => {
      const { id, info } = await only(`openid ${scope}`);
      assert.deepEqual(keys(info), [...new Set(['sub', ...claims])].sort());
      // She has no account name, and the email address may replace it only with the email scope.
      if (scope === 'profile') assert.equal(info['preferred_username'], info['sub']);
      const inIdToken = claims.filter((claim) => ['roles', 'acting'].includes(claim));
      const extra = keys(id).filter((claim) => !ALWAYS.includes(claim));
      assert.deepEqual(extra, inIdToken.sort());
    });
  }

  it('profile and email have the types of OpenID Connect Core 1.0, section 5.1', async () => {
    const { info } = await only('openid profile email phone');
    assert.deepEqual(
      { ...info, sub: undefined, updated_at: undefined },
      {
        sub: undefined,
        name: '李美玲',
        preferred_username: ADULTS.G2.email,
        locale: 'zh-TW',
        updated_at: undefined,
        email: ADULTS.G2.email,
        email_verified: true,
        phone_number: ADULTS.G2.mobile,
        phone_number_verified: true,
      },
    );
    assert.equal(info['updated_at'], Math.floor(Date.now() / 1000), 'seconds, not milliseconds');
  });

  it('preferred_username is the account name, if the person has one', async () => {
    const { info } = await readReleasedClaims(running().portfolio, { login: LOGIN.T2 });
    assert.equal(info['preferred_username'], 'zhihao.lin');
  });

  it('children has no names; children.profile adds names and class', async () => {
    const [elder, younger] = childrenOf(await only('openid children'));
    assert.deepEqual(
      { ...elder, sub: 'x' },
      {
        sub: 'x',
        school_code: '993301',
        school_type: 'senior_high',
        relation: 'parent',
        authority: 'statutory',
        permissions: PERMISSIONS,
      },
    );
    assert.equal(younger?.['school_code'], '993601');
    const [named] = childrenOf(await only('openid children children.profile'));
    assert.deepEqual(
      { ...named, sub: 'x', permissions: [], relation: 'x', authority: 'x' },
      {
        sub: 'x',
        school_code: '993301',
        school_type: 'senior_high',
        relation: 'x',
        authority: 'x',
        permissions: [],
        name: '王小安',
        school_name: '示範高中',
        year: 115,
        semester: 1,
        grade: 2,
        classno: '203',
        classtitle: named?.['classtitle'],
      },
    );
  });

  it('affiliations have role and school, for students the class, and exactly one is primary', async () => {
    const teacher = await readReleasedClaims(running().all, { login: LOGIN.T2, parameters: { scope: 'openid roles' } });
    assert.deepEqual(teacher.info['affiliations'], [
      {
        role: 'teacher',
        school_code: '993301',
        school_name: '示範高中',
        school_type: 'senior_high',
        primary: true,
      },
    ]);
    const student = await readReleasedClaims(running().all, { login: LOGIN.S1, parameters: { scope: 'openid roles' } });
    const [affiliation] = z.array(z.record(z.string(), z.unknown())).parse(student.info['affiliations']);
    const { classtitle, ...rest } = affiliation ?? {};
    assert.match(String(classtitle), /\S/);
    assert.deepEqual(rest, {
      role: 'student',
      school_code: '993301',
      school_name: '示範高中',
      school_type: 'senior_high',
      primary: true,
      year: 115,
      semester: 1,
      grade: 2,
      classno: '203',
    });
  });

  it('roles are among the six values; a teacher with children has two', async () => {
    const entry = { login: LOGIN.T1, parameters: { scope: 'openid roles' } };
    assert.deepEqual((await readReleasedClaims(running().all, entry)).info['roles'], ['parent', 'teacher']);
    const roles = async (login: string): Promise<unknown> =>
      (await readReleasedClaims(running().all, { ...entry, login })).info['roles'];
    assert.deepEqual(await roles(LOGIN.B1), ['bureau_admin']);
    assert.deepEqual(await roles(LOGIN.A1), ['school_admin']);
    assert.deepEqual(await roles(LOGIN.S1), ['student']);
  });
});
