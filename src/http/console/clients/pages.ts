import createError from 'http-errors';
import type { Context } from 'koa';
import { z } from 'zod';
import { isDirectoryOnly } from '../../../config/client-directory.ts';
import { clientName, type ClientRegistration } from '../../../config/clients.ts';
import { CLIENT_FIELDS, DIRECTORY_ONLY_FIELDS } from '../../../domain/client-fields.ts';
import { CLIENT_ACTIONS, type ClientAction, type NewSecrets } from '../../../services/console/client-effects.ts';
import type { StoredClient } from '../../../services/console/clients.ts';
import type { HttpDeps } from '../../deps.ts';
import { readForm, rowVersion } from '../../forms/body.ts';
import type { Pages } from '../../pages/pages.ts';
import { redirectWithNotice, takeNotice } from '../../pages/page-notice.ts';
import { pathIdOf } from '../path-id.ts';
import { reasonProblem } from '../reason.ts';
import type { SignedInStaff } from '../session.ts';
import { directoryChoiceOf, valuesOf } from './form-fields.ts';
import { valueLabels } from './labels.ts';

const NOTICES = ['registered', 'changed', ...CLIENT_ACTIONS] as const;
type Notice = (typeof NOTICES)[number];

const actionName = z.enum(CLIENT_ACTIONS);
const actionForm = z.object({
  action: actionName,
  version: rowVersion,
  reason: z.string().default(''),
});

/** `GET /console/clients`: the relying parties of the file, then those of the database. `after` continues after an id. */
export async function showClients(deps: HttpDeps, ctx: Context): Promise<void> {
  const after = typeof ctx.query['after'] === 'string' ? ctx.query['after'] : '';
  const { ofFile, stored, next } = await deps.console.clients.list(after);
  const lang = deps.pages.langOf(ctx);
  deps.pages.show(ctx, 'console/clients', {
    ofFile: ofFile.map((client) => ({ id: client.client_id, name: clientName(client, lang) })),
    stored: stored.map((client) => ({
      id: client.registration.client_id,
      name: clientName(client.registration, lang),
      isDisabled: client.disabledAt !== undefined,
      isShadowed: client.isShadowed,
      updatedAt: client.updatedAt,
    })),
    nextUrl: next && `/console/clients?${new URLSearchParams({ after: next }).toString()}`,
  });
}

/** `GET /console/clients/:id`. A client of the file is shown read-only. */
export async function showClient(deps: HttpDeps, ctx: Context): Promise<void> {
  const clientId = pathIdOf(ctx);
  const stored = await deps.console.clients.find(clientId);
  const ofFile = stored === undefined ? deps.console.clients.findOfFile(clientId) : undefined;
  const registration = stored?.registration ?? ofFile;
  if (registration === undefined) throw createError(404, 'no such relying party');
  const { pages } = deps;
  pages.show(ctx, 'console/client', {
    id: clientId,
    name: clientName(registration, pages.langOf(ctx)),
    fields: describe(deps, ctx, registration),
    directoryChoice: directoryChoiceOf(registration),
    directory: registration.ldap && describeDirectory(deps, clientId),
    ...(stored === undefined ? OF_FILE : describeStored(stored)),
    notice: noticeText(deps, ctx),
  });
}

/** A client of the file is shown without its state. */
const OF_FILE = { isReadOnly: true, isShadowed: false, isRevoking: false, actions: [] };

function describeStored(stored: StoredClient) {
  const { disabledAt, isRevoking, isShadowed, previousSecretUntil, previousDirectorySecretUntil } = stored;
  return {
    ...{ isReadOnly: false, isShadowed, isRevoking: disabledAt !== undefined && isRevoking, disabledAt },
    ...{ previousSecretUntil, previousDirectorySecretUntil, actions: possibleActions(stored) },
  };
}

function noticeText(deps: HttpDeps, ctx: Context): string | undefined {
  const taken = takeNotice(deps, ctx, NOTICES);
  return taken && deps.pages.t(ctx, `clients.notice.${taken.name}`);
}

function describe({ pages }: HttpDeps, ctx: Context, registration: ClientRegistration) {
  const values = valuesOf(registration);
  return (isDirectoryOnly(registration) ? DIRECTORY_ONLY_FIELDS : CLIENT_FIELDS)
    .map((name) => ({ name, value: valueLabels(pages, ctx, name, values[name]) }))
    .filter(({ value }) => value !== '');
}

/** The names that a service account of the directory is configured with. */
interface DirectoryNames {
  /** Name to bind with. */
  name: string;
  /** Search base. */
  base: string;
}

/** @returns `undefined` names while the directory is off */
function describeDirectory({ directoryBase: base }: HttpDeps, clientId: string): { names: DirectoryNames | undefined } {
  return { names: base === undefined ? undefined : { name: `cn=${clientId},ou=services,${base}`, base } };
}

function possibleActions(client: StoredClient): ClientAction[] {
  const isPossible: Record<ClientAction, boolean> = {
    'rotate-secret': client.hasSecret,
    'end-old-secret': client.previousSecretUntil !== undefined,
    'rotate-directory-secret': client.hasDirectorySecret,
    'end-old-directory-secret': client.previousDirectorySecretUntil !== undefined,
    disable: client.disabledAt === undefined,
    enable: client.disabledAt !== undefined && !client.isRevoking,
  };
  return CLIENT_ACTIONS.filter((action) => isPossible[action]);
}

/** `GET /console/clients/:id/action?action=`: says what the action will do, and asks for the reason. */
export async function showClientAction(deps: HttpDeps, ctx: Context): Promise<void> {
  const action = actionName.safeParse(ctx.query['action']);
  if (!action.success) throw createError(404, 'no such action');
  showAction(deps, ctx, await findStoredClient(deps, ctx), action.data);
}

/** `POST /console/clients/:id/action`. */
export async function performClientAction(deps: HttpDeps, ctx: Context, { actor }: SignedInStaff): Promise<void> {
  const client = await findStoredClient(deps, ctx);
  const { action, version, reason } = readForm(ctx, actionForm);
  const problem = reasonProblem(deps, ctx, reason);
  if (problem !== undefined) {
    showAction(deps, ctx, client, action, { reason, error: problem, status: 422 });
    return;
  }
  const { client_id: clientId } = client.registration;
  const write = { actorId: actor.id, address: ctx.ip, reason: reason.trim() };
  const result = await deps.console.clients.perform(write, { clientId, version, action });
  switch (result.kind) {
    case 'done':
      showSecrets(deps, ctx, clientId, result, action);
      return;
    case 'changed_meanwhile':
    case 'impossible': {
      const alert = deps.pages.t(ctx, result.kind === 'impossible' ? 'clients.impossible' : 'clients.changedMeanwhile');
      showAction(deps, ctx, await findStoredClient(deps, ctx), action, { reason, alert, status: 409 });
      return;
    }
    case 'id_taken':
    case 'denied':
      throw createError(403, 'the member of staff does not administer the city any more');
  }
}

interface ActionState {
  reason: string;
  error?: string;
  alert?: string;
  status: number;
}

function showAction(
  { pages }: HttpDeps,
  ctx: Context,
  client: StoredClient,
  action: ClientAction,
  { reason, error, alert, status }: ActionState = { reason: '', status: 200 },
): void {
  const { client_id: id } = client.registration;
  ctx.state['pagePath'] = `/console/clients/${id}/action?action=${action}`;
  pages.show(
    ctx,
    'console/client-action',
    {
      id,
      name: clientName(client.registration, pages.langOf(ctx)),
      action,
      effect: effectText(pages, ctx, client.registration, action),
      version: client.version,
      isPossible: possibleActions(client).includes(action),
      values: { reason },
      errors: error === undefined ? {} : { reason: error },
      alert,
    },
    status,
  );
}

/** Says what an action will do. The effect on access depends on how people and systems reach the client. */
function effectText(pages: Pages, ctx: Context, registration: ClientRegistration, action: ClientAction): string {
  if (action !== 'disable' && action !== 'enable') return pages.t(ctx, `clients.action.${action}.effect`);
  return pages.t(ctx, `clients.accessEffect.${action}.${directoryChoiceOf(registration)}`);
}

/** Shows new secrets in this response only; without one, the page of the client follows. */
export function showSecrets(
  deps: HttpDeps,
  ctx: Context,
  clientId: string,
  { secret, directorySecret }: NewSecrets,
  notice: Notice,
): void {
  if (secret === undefined && directorySecret === undefined) {
    redirectWithNotice(deps, ctx, `/console/clients/${clientId}`, notice);
    return;
  }
  ctx.state['pagePath'] = `/console/clients/${clientId}`;
  deps.pages.show(ctx, 'console/client-secret', {
    id: clientId,
    secret,
    directory:
      directorySecret === undefined ? undefined : { secret: directorySecret, ...describeDirectory(deps, clientId) },
    isRotated: notice === 'rotate-secret' || notice === 'rotate-directory-secret',
  });
}

/** @throws {HttpError} 404 if the database has no such client */
export async function findStoredClient(deps: HttpDeps, ctx: Context): Promise<StoredClient> {
  const client = await deps.console.clients.find(pathIdOf(ctx));
  if (client === undefined) throw createError(404, 'no such relying party in the database');
  return client;
}
