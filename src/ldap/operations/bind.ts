import { changeAfterReset } from '../codec/controls.ts';
import { OID, type BindRequest, type Result } from '../protocol.ts';
import { ANONYMOUS, type Identity, type LdapDeps, type OperationContext, type Session } from '../session.ts';

const REFUSED: Result = { result: 'invalidCredentials' };

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
  const target = deps.tree.locate(name);
  if (target?.kind === 'service') return bindService(deps, session, { ...request, password }, target.clientId);
  return bindPerson(deps, context, password, target?.kind === 'person' ? target.handle : name);
}

async function bindService(
  { binds }: LdapDeps,
  session: Session,
  { name, password }: BindRequest & { password: string },
  clientId: string,
): Promise<Result> {
  const client = await binds.bindService(clientId, password, session.address);
  if (client === 'throttled') return { ...REFUSED, reason: 'too many failed binds of this network' };
  if (client === undefined) return { ...REFUSED, reason: 'unknown service account or wrong secret' };
  session.identity = { kind: 'service', clientId, name };
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
  if (bound.kind !== 'succeeded') return { ...REFUSED, reason: bound.kind };
  const { personId, credentialVersion, applicationPasswordId, client } = bound;
  const identity: Identity = {
    ...{ kind: 'person', personId, credentialVersion, applicationPasswordId, clientId: client.clientId },
    name: tree.personName(handle),
  };
  session.identity = identity;
  return { result: 'success' };
}
