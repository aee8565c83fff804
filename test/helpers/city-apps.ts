import assert from 'node:assert/strict';
import { after, before } from 'node:test';

import { z } from 'zod';
import { SCOPES } from '../../src/domain/claims/scopes.ts';
import { PERMISSIONS } from '../../src/domain/model.ts';
import { idClaims, signInWithNewBrowser, userinfo, type AuthorizationInput } from './authorization-flow.ts';
import { freezeTime, type FrozenTime } from './frozen-time.ts';
import { createParty, newSecret, createRegistration, type TestParty } from './relying-party.ts';
import { startService, type TestService, type TestServiceOptions } from './service.ts';

/** The service with apps of different entitlements, each with a client of another library. */
export interface CityApps {
  service: TestService;
  /** Registered for all scopes and permissions. */
  all: TestParty;
  /** Of the same sector as `all`. */
  twin: TestParty;
  /** As in the demo: senior and vocational high schools, no e-mail. */
  portfolio: TestParty;
  /** As in the demo: all schools, fees. */
  payment: TestParty;
  /** Fees, for guardians only. */
  families: TestParty;
}

const APP_SCOPES = ['openid', 'profile', 'roles', 'children', 'children.profile'];

export async function startCityApps(options: Partial<TestServiceOptions> = {}): Promise<CityApps> {
  const secret = newSecret();
  const service = await startService({
    ...options,
    clients: [
      createRegistration('all', secret, { scopes: SCOPES, permissions: PERMISSIONS }),
      createRegistration('twin', secret, { scopes: SCOPES, sector_identifier_uri: 'https://all.example/apps.json' }),
      createRegistration('portfolio', secret, {
        scopes: APP_SCOPES,
        school_types: ['senior_high', 'vocational_high'],
        permissions: ['portfolio:read'],
      }),
      createRegistration('payment', secret, { scopes: APP_SCOPES, permissions: ['fees:read', 'fees:pay'] }),
      createRegistration('families', secret, {
        ...{ scopes: APP_SCOPES, permissions: ['fees:read', 'fees:pay'], acting_roles: ['parent'] },
      }),
    ],
  });
  const party = (id: string, scope: string): Promise<TestParty> => createParty(service.issuer, { id, scope, secret });
  return {
    service,
    all: await party('all', SCOPES.filter((scope) => scope !== 'offline_access').join(' ')),
    twin: await party('twin', 'openid'),
    portfolio: await party('portfolio', APP_SCOPES.join(' ')),
    payment: await party('payment', APP_SCOPES.join(' ')),
    families: await party('families', APP_SCOPES.join(' ')),
  };
}

/**
 * Starts the apps at a frozen time before the tests of the file and stops them afterwards.
 *
 * @returns a function that returns the apps, for use in tests only
 */
export function useCityApps(): () => CityApps {
  let apps: CityApps | undefined;
  let time: FrozenTime | undefined;
  before(async () => {
    time = freezeTime();
    apps = await startCityApps();
  });
  after(async () => {
    await apps?.service.stop();
    time?.release();
  });
  return () => {
    assert.ok(apps, 'the apps have not started');
    return apps;
  };
}

/** The claims that an app receives at one sign-in. */
export interface ReleasedClaims {
  id: Record<string, unknown>;
  info: Record<string, unknown>;
}

/** Signs in with a new browser. @returns the claims of the ID token and of UserInfo */
export async function readReleasedClaims(party: TestParty, entry: AuthorizationInput): Promise<ReleasedClaims> {
  const { tokens } = await signInWithNewBrowser(party, entry);
  const info = await userinfo(party, tokens.access_token);
  assert.equal(info.status, 200, JSON.stringify(info.body));
  return { id: idClaims(tokens), info: info.body };
}

const childSchema = z.looseObject({ sub: z.string(), name: z.string().optional() });

export function childrenOf({ info }: ReleasedClaims): z.infer<typeof childSchema>[] {
  return z.array(childSchema).parse(info['children']);
}
