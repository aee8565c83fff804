import type { PasswordProblem } from '../../domain/credentials/password-policy.ts';
import type { DirectoryPasswordChange } from '../../services/directory/password-changes.ts';
import { decodePasswordModify, type PasswordModify } from '../codec/requests.ts';
import { MAX_VALUE_LENGTH, type ExtendedRequest, type Result } from '../protocol.ts';
import { findAccess, type Identity, type LdapDeps, type OperationContext, type Session } from '../session.ts';

const PROBLEM_TEXTS: Readonly<Record<PasswordProblem, string>> = {
  too_short: 'the new password is too short',
  too_long: 'the new password is too long',
  control_characters: 'the new password contains a character that is not supported',
  same_as_current: 'the new password must not match or contain the old password',
  example: 'the new password is the example of the sign-in page',
  common: 'the new password is too common or easy to guess',
  repetitive: 'the new password is repetitive or a simple sequence',
  contains_name: 'the new password contains a name',
  contains_email: 'the new password contains an email address',
  contains_phone: 'the new password contains a phone number',
  contains_account: 'the new password contains the account name',
  contains_student_number: 'the new password contains a student number',
  contains_school: 'the new password contains the name of a school',
  contains_id: 'the new password contains a part of the ID number',
};

/**
 * Changes the password of the person who is bound (RFC 3062). The connection remains bound. The service never generates a password, and a
 * person changes only their own.
 */
export async function modifyPassword(
  deps: LdapDeps,
  { session }: OperationContext,
  request: ExtendedRequest,
): Promise<Result> {
  const { identity } = session;
  const { name, current, next } = decodePasswordModify(request);
  if (!session.isTls && !deps.isPlainAllowed(session.address)) {
    return { result: 'confidentialityRequired', text: 'use StartTLS or LDAPS before a password' };
  }
  const access = await findAccess(deps, session);
  if (access === undefined || identity.kind !== 'person') {
    return { result: 'insufficientAccessRights', text: 'bind with your own password first' };
  }
  if (name !== undefined && !isOwnName(deps, identity.name, name)) {
    return { result: 'insufficientAccessRights', text: 'only your own password can be changed' };
  }
  return changePassword(deps, session, identity, { current, next });
}

async function changePassword(
  deps: LdapDeps,
  session: Session,
  identity: Extract<Identity, { kind: 'person' }>,
  { current, next }: Pick<PasswordModify, 'current' | 'next'>,
): Promise<Result> {
  if (!current) return { result: 'unwillingToPerform', text: 'send the old password too' };
  if (!next) return { result: 'unwillingToPerform', text: 'send a new password; the service does not generate one' };
  if (Math.max(current.length, next.length) > MAX_VALUE_LENGTH) {
    return { result: 'constraintViolation', text: 'a password is too long' };
  }
  // An application password is for one service, so it does not change the password of the account.
  if (identity.applicationPasswordId !== undefined) {
    const text = 'an application password cannot change your own password; use the account page';
    return { result: 'unwillingToPerform', text };
  }
  const { personId, clientId } = identity;
  const changed = await deps.passwordChanges.change({ personId, clientId, current, next, address: session.address });
  if (changed.kind !== 'changed') return toRefusal(changed);
  session.identity = { ...identity, credentialVersion: changed.credentialVersion };
  return { result: 'success' };
}

/** @param ownName the name of the person who is bound */
function isOwnName({ tree }: LdapDeps, ownName: string, name: string): boolean {
  const [own, named] = [tree.locate(ownName), tree.locate(name)];
  return own?.kind === 'person' && named?.kind === 'person' && own.handle === named.handle;
}

function toRefusal(refused: Exclude<DirectoryPasswordChange, { kind: 'changed' }>): Result {
  switch (refused.kind) {
    case 'wrong_current':
      return { result: 'invalidCredentials', text: 'the old password is wrong' };
    case 'second_factor_required':
      return {
        result: 'unwillingToPerform',
        text: 'change the password on the account page: it asks for the second step',
      };
    case 'throttled':
      return { result: 'unwillingToPerform', text: 'too many attempts; try again later' };
    case 'invalid':
      return {
        result: 'constraintViolation',
        text: refused.problems.map((problem) => PROBLEM_TEXTS[problem]).join('; '),
      };
  }
}
