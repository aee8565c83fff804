import { changeAfterReset } from '../codec/controls.ts';
import { MAX_VALUE_LENGTH, OID, type BindRequest, type Result } from '../protocol.ts';
import { ANONYMOUS, type Identity, type LdapDeps, type OperationContext, type Session } from '../session.ts';

const REFUSED: Result = { result: 'invalidCredentials' };

/** Reasons in the log. The client does not learn them. */
const PERSON_REASONS = {
  failed: 'unknown name or wrong password',
  throttled: 'too many wrong passwords',
  other_service: 'application password of another service account',
  second_factor_required: 'a person with a second factor needs an application password',
} as const;

/** Authenticates a connection (RFC 4511, section 4.2). A failed bind leaves it anonymous. */
export async function bind(deps: LdapDeps, context: OperationContext, request: BindRequest): Promise<Result> {
  const { session } = context;
  session.identity = ANONYMOUS;
  const { version, name, password } = request;
  if (version !== 3) return { result: 'protocolError', text: 'only version 3 of LDAP is supported' };
  if (password === undefined) {
    return { result: 'authMethodNotSupported', text: 'only simple binds are supported; use TLS' };
  }
  if (password === '') {
    if (name === '') return { result: 'success' };
    // RFC 4513, section 5.1.2: software takes a success for a correct password.
    return { result: 'unwillingToPerform', text: 'the password is empty' };
  }
  if (!session.isTls && !deps.isPlainAllowed(session.address)) {
    return { result: 'confidentialityRequired', text: 'use StartTLS or LDAPS before a password' };
  }
  // No password is that long, so this reveals nothing and counts nowhere.
  if (password.length > MAX_VALUE_LENGTH) return { ...REFUSED, reason: 'the password is too long' };
  const target = deps.tree.locate(name);
  if (target?.kind === 'service') return bindService(deps, session, { ...request, password }, target.clientId);
  if (target?.kind === 'person') return bindPerson(deps, context, password, target.handle);
  const result = await bindPerson(deps, context, password, name);
  // The text follows from the form of the name only, so it does not tell whether an account exists.
  return {
    text: `bind as cn=<client_id>,ou=services,${deps.tree.base}, or as an entry that a search returned`,
    ...result,
  };
}

async function bindService(
  { binds }: LdapDeps,
  session: Session,
  { name, password }: BindRequest & { password: string },
  clientId: string,
): Promise<Result> {
  const client = await binds.bindService(clientId, password, session.address);
  if (client === 'throttled') return { ...REFUSED, reason: 'too many failed binds of this network' };
  if (client === 'unknown') return { ...REFUSED, reason: 'no service account has this name' };
  if (client === 'wrong_secret') return { ...REFUSED, reason: `wrong secret of the service account ${clientId}` };
  session.identity = { kind: 'service', clientId, name, secretHash: client.secretHash };
  session.serviceId = clientId;
  return { result: 'success' };
}

async function bindPerson(
  { binds, tree }: LdapDeps,
  { session, controls }: OperationContext,
  password: string,
  handle: string,
): Promise<Result> {
  const { address, serviceId } = session;
  const bound = await binds.bindPerson({ name: handle, password, address, serviceId });
  if (bound.kind === 'password_change_required') {
    const hasControl = controls.some(({ oid }) => oid === OID.passwordPolicy);
    return {
      ...REFUSED,
      text: 'set your own password on the sign-in page first',
      ...(hasControl && { controls: [changeAfterReset()] }),
    };
  }
  if (bound.kind !== 'succeeded') return { ...REFUSED, reason: PERSON_REASONS[bound.kind] };
  const { personId, credentialVersion, applicationPasswordId, client } = bound;
  const identity: Identity = {
    ...{ kind: 'person', personId, credentialVersion, applicationPasswordId, clientId: client.clientId },
    name: tree.personName(handle),
  };
  session.identity = identity;
  return { result: 'success' };
}
