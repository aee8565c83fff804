import { MAX_LOGIN_LENGTH, parseLogin, parseSchoolAccount } from '../../domain/credentials/identifiers.ts';
import type { AttemptWarning } from '../../domain/throttling/throttle.ts';
import { runBestEffort } from '../../platform/best-effort.ts';
import type { Logger } from '../../platform/logger.ts';
import type { Metrics } from '../../platform/metrics.ts';
import type { Store } from '../../store/database/index.ts';
import * as people from '../../store/people/people.ts';
import type { AuditEvent } from '../audit/audit.ts';
import { schoolAccountLogin, type TypedLogin } from './login-keys.ts';
import type { VerificationResult, PasswordVerifier } from './password-verification.ts';

export interface SignInAttempt {
  /** As typed: email, mobile number or account name; with `schoolCode` the account inside this school. */
  login: string;
  schoolCode?: string | undefined;
  password: string;
  address: string;
  clientId: string | undefined;
  /** The token of the device (known-devices.ts). */
  device?: string | undefined;
  /** Browser and system, for the sign-in history. */
  deviceName?: string | undefined;
  /** Re-authentication: the only accepted person. */
  expectedPersonId?: string | undefined;
}

export type SignInResult =
  | { kind: 'succeeded'; personId: string; credentialVersion: number }
  /** The password was correct; the sign-in succeeds with the second factor. */
  | { kind: 'second_factor_required'; personId: string; credentialVersion: number }
  /** The first password was correct; it only allows setting an own password. */
  | { kind: 'password_change_required'; personId: string; credentialVersion: number }
  /** The same result for unknown, wrong, locked, expired and disabled. */
  | { kind: 'failed'; warning?: AttemptWarning | undefined }
  | { kind: 'throttled'; until: number | undefined };

export interface SignIn {
  /** Verifies a login and password. @throws {HashQueueFullError} if too many hashes are queued; the attempt is not counted then */
  attempt(attempt: SignInAttempt): Promise<SignInResult>;
}

interface FoundLogin {
  personId: string | undefined;
  login: TypedLogin;
}

interface Deps {
  store: Store;
  passwordVerifier: PasswordVerifier;
  log: Logger;
  metrics: Metrics;
}

export function createSignIn(deps: Deps): SignIn {
  const { store, passwordVerifier, metrics } = deps;
  const findLogin = async (typed: string, schoolCode: string | undefined): Promise<FoundLogin> => {
    const other: FoundLogin = {
      personId: undefined,
      login: { kind: 'other', value: typed.slice(0, MAX_LOGIN_LENGTH) },
    };
    if (schoolCode !== undefined) {
      const account = parseSchoolAccount(typed);
      if (account === undefined) return other;
      const personId = await store.read((tx) =>
        people.findActivePersonIdByIdentifier(tx, 'school_account', account, schoolCode),
      );
      return { personId, login: schoolAccountLogin(schoolCode, account) };
    }
    const login = parseLogin(typed);
    if (login === undefined) return other;
    const personId = await store.read((tx) => people.findActivePersonIdByIdentifier(tx, login.kind, login.value));
    return { personId, login };
  };
  return {
    attempt: async ({
      login: typed,
      schoolCode,
      password,
      address,
      clientId,
      device,
      deviceName,
      expectedPersonId,
    }) => {
      const found = await findLogin(typed, schoolCode);
      const personId =
        expectedPersonId === undefined || found.personId === expectedPersonId ? found.personId : undefined;
      const resultOf = (result: VerificationResult): SignInResult => toResult(result, personId);
      const described = deviceName === undefined ? {} : { detail: { device: deviceName } };
      const auditEventFor = (result: VerificationResult): AuditEvent => {
        const { kind } = resultOf(result);
        const outcome = kind === 'failed' || kind === 'throttled' ? 'refused' : 'ok';
        return { event: `sign_in.${kind}`, outcome, subjectId: personId, clientId, address, ...described };
      };
      const result = resultOf(
        await passwordVerifier.verify({ personId, login: found.login, password, address, device }, auditEventFor),
      );
      runBestEffort(deps, 'metrics', () => {
        metrics.signIns.inc({ outcome: result.kind });
      });
      return result;
    },
  };
}

function toResult(result: VerificationResult, personId: string | undefined): SignInResult {
  if (result.kind === 'throttled') return result;
  if (result.kind === 'wrong') return { ...result, kind: 'failed' };
  if (personId === undefined) return { kind: 'failed' };
  const { kind, credentialVersion, hasSecondFactor } = result;
  if (kind === 'first_password') return { kind: 'password_change_required', personId, credentialVersion };
  return { kind: hasSecondFactor ? 'second_factor_required' : 'succeeded', personId, credentialVersion };
}
