import type { Login } from '../../domain/credentials/identifiers.ts';
import type { Secrets } from '../../platform/crypto/secrets.ts';
import { listThrottleKeys } from '../../store/auth/throttles.ts';
import type { Transaction } from '../../store/database/index.ts';
import * as people from '../../store/people/people.ts';

/**
 * A normalized login, a school account as `<school code>/<account>`, a name of the directory as `<person id>:<tag of the sector>`, or typed
 * text that cannot be a login.
 */
export type TypedLogin = Login | { kind: 'school_account' | 'directory' | 'other'; value: string };

/** Lists the keys of the counters of wrong passwords of a person under every login, in the order of their locks. */
export async function listFailureKeys(tx: Transaction, secrets: Secrets, personId: string): Promise<string[]> {
  const logins = (await people.listLoginNames(tx, personId)).map(({ kind, scope, value }) =>
    loginKey(secrets, kind === 'school_account' ? schoolAccountLogin(scope, value) : { kind, value }),
  );
  logins.push(...(await listThrottleKeys(tx, directoryPrefix(personId))));
  return [...logins.sort(), personKey(personId)];
}

/** Returns the login of a school account for the counters; the same number at two schools is two accounts. */
export function schoolAccountLogin(schoolCode: string, account: string): TypedLogin {
  return { kind: 'school_account', value: `${schoolCode}/${account}` };
}

/** A name of a person in the directory. The person may not exist. */
interface DirectoryName {
  personId: string;
  sectorTag: string;
}

/** Returns the login that the name of a person in a sector of the directory counts as, in every spelling. */
export function directoryLogin({ personId, sectorTag }: DirectoryName): TypedLogin {
  return { kind: 'directory', value: `${personId}:${sectorTag}` };
}

/** Returns the beginning of the keys of all names of a person in the directory. */
function directoryPrefix(personId: string): string {
  return `directory:${personId}:`;
}

/** Returns the key of the counter of a typed login. Names of the directory are listed by person, so they have no MAC. */
export function loginKey(secrets: Secrets, { kind, value }: TypedLogin): string {
  return kind === 'directory' ? `directory:${value}` : `login:${secrets.mac('throttle', `${kind}:${value}`)}`;
}

/** Returns the key of the counter of wrong passwords of a person. */
export function personKey(personId: string): string {
  return `person:${personId}`;
}
