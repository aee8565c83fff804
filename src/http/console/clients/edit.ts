import createError from 'http-errors';
import type { Context } from 'koa';
import { z } from 'zod';
import { sectorOf, type ClientRegistration } from '../../../config/clients.ts';
import {
  CLIENT_FIELDS,
  DIRECTORY_CHOICES,
  DIRECTORY_ONLY_FIELDS,
  type ClientField,
} from '../../../domain/client-fields.ts';
import { checkClientForm, type ClientProblem } from '../../../services/console/client-form.ts';
import type { ClientResult, StoredClient } from '../../../services/console/clients.ts';
import type { HttpDeps } from '../../deps.ts';
import { readForm, rowVersion } from '../../forms/body.ts';
import type { Pages } from '../../pages/pages.ts';
import { reasonProblem } from '../reason.ts';
import type { SignedInStaff } from '../session.ts';
import {
  cleanValues,
  FIELD_OPTIONS,
  isForDirectoryOnly,
  kindOf,
  NEW_CLIENT,
  toRegistrationForm,
  valuesOf,
  type ClientValues,
} from './form-fields.ts';
import { findStoredClient, showSecrets } from './pages.ts';
import { optionLabel, valueLabels } from './labels.ts';

const values = z
  .union([z.string(), z.array(z.string())])
  .optional()
  .transform((value) => [value ?? []].flat());
const clientForm = z.object({
  version: rowVersion.catch(0),
  action: z.enum(['check', 'save']).catch('check'),
  reason: z.string().default(''),
  ...Object.fromEntries(CLIENT_FIELDS.map((field) => [field, values])),
});
const directoryChoice = z.enum(DIRECTORY_CHOICES);
const clientValues = z.record(z.string(), z.array(z.string()).catch([]));

/** Ids that are paths of the console. */
const RESERVED_IDS = ['new'];

/** `GET /console/clients/new`. */
export function showNewClient(deps: HttpDeps, ctx: Context): Promise<void> {
  showForm(deps, ctx, { existing: undefined, values: NEW_CLIENT });
  return Promise.resolve();
}

/** `GET /console/clients/:id/edit`. */
export async function showClientForm(deps: HttpDeps, ctx: Context): Promise<void> {
  const existing = await findStoredClient(deps, ctx);
  showForm(deps, ctx, { existing, values: valuesOf(existing.registration) });
}

/** `POST /console/clients/new`: checks the form, asks for confirmation, then registers the relying party. */
export function saveNewClient(deps: HttpDeps, ctx: Context, staff: SignedInStaff): Promise<void> {
  return save(deps, ctx, staff, undefined);
}

/** `POST /console/clients/:id/edit`. */
export async function saveClient(deps: HttpDeps, ctx: Context, staff: SignedInStaff): Promise<void> {
  await save(deps, ctx, staff, await findStoredClient(deps, ctx));
}

async function save(
  deps: HttpDeps,
  ctx: Context,
  { actor }: SignedInStaff,
  existing: StoredClient | undefined,
): Promise<void> {
  const { version, action, reason, ...sent } = readForm(ctx, clientForm);
  const entered = cleanValues(clientValues.parse(sent));
  const values = existing ? { ...entered, client_id: [existing.registration.client_id] } : entered;
  const { registration, problems, alert } = check(deps, ctx, values, existing);
  if (registration === undefined) {
    showForm(deps, ctx, { existing, values, version, problems, alert });
    return;
  }
  const problem = action === 'save' ? reasonProblem(deps, ctx, reason) : undefined;
  if (action === 'check' || problem !== undefined) {
    showConfirmation(deps, ctx, { existing, version, values, registration, reason, problem });
    return;
  }
  const write = { actorId: actor.id, address: ctx.ip, reason: reason.trim() };
  const result = existing
    ? await deps.console.clients.change(write, registration, version)
    : await deps.console.clients.register(write, registration);
  showSaved(deps, ctx, result, { existing, values, version, registration });
}

interface FormProblem extends ClientProblem {
  /** Replaces the text of the field. */
  text?: string;
}

interface Checked {
  registration?: ClientRegistration;
  problems?: readonly FormProblem[] | undefined;
  alert?: string | undefined;
}

function check(deps: HttpDeps, ctx: Context, values: ClientValues, existing: StoredClient | undefined): Checked {
  const contradiction = findContradiction(deps, ctx, values, existing);
  if (contradiction !== undefined) return contradiction;
  // The form has no field for keys by value; they stay until the client gets a `jwks_uri`.
  const keepsKeys = values.jwks_uri.length === 0 && !isForDirectoryOnly(values);
  const jwks = keepsKeys ? existing?.registration.jwks : undefined;
  const form = { ...toRegistrationForm(values), ...(jwks && { jwks }) };
  const checked = checkClientForm(form, deps);
  if (checked.kind === 'invalid') return { problems: checked.problems };
  const rejected = deps.oidc.findClientProblem(checked.registration);
  return rejected === undefined
    ? { registration: checked.registration }
    : { alert: deps.pages.t(ctx, 'clients.rejected', { reason: rejected }) };
}

/** Finds problems that only the form can have. */
function findContradiction(
  deps: HttpDeps,
  ctx: Context,
  values: ClientValues,
  existing: StoredClient | undefined,
): Checked | undefined {
  const clientId = values.client_id[0] ?? '';
  const isTaken = existing === undefined && deps.console.clients.findOfFile(clientId) !== undefined;
  if (isTaken || RESERVED_IDS.includes(clientId)) {
    return { problems: [{ field: 'client_id' }], alert: deps.pages.t(ctx, 'clients.idTaken') };
  }
  if (values.directory.some((choice) => !directoryChoice.safeParse(choice).success)) {
    return { problems: [{ field: 'directory' }] };
  }
  if (isForDirectoryOnly(values) && values.redirect_uris.length > 0) {
    return { problems: [{ field: 'redirect_uris', text: deps.pages.t(ctx, 'clients.directoryOnlyUris') }] };
  }
  return undefined;
}

interface FormState extends Checked {
  existing: StoredClient | undefined;
  values: ClientValues;
  version?: number | undefined;
  status?: number;
}

function showForm(
  { pages }: HttpDeps,
  ctx: Context,
  { existing, values, version = existing?.version ?? 0, problems = [], alert, status }: FormState,
): void {
  const id = existing?.registration.client_id;
  const errors = problems.map((problem) => describeProblem(pages, ctx, problem));
  const isRejected = errors.length > 0 || alert !== undefined;
  pages.show(
    ctx,
    'console/client-form',
    {
      id,
      version,
      fields: CLIENT_FIELDS.filter((field) => field !== 'client_id' || id === undefined).map((name) => ({
        name,
        kind: kindOf(name),
        values: values[name],
        options: (FIELD_OPTIONS[name] ?? []).map((value) => ({ value, label: optionLabel(pages, ctx, name, value) })),
      })),
      errors: Object.fromEntries(errors),
      alert,
    },
    status ?? (isRejected ? 422 : 200),
  );
}

function describeProblem(
  pages: Pages,
  ctx: Context,
  { field, uri, isPrivateAddress = false, text: ownText }: FormProblem,
): readonly [ClientField, string] {
  const name = toFormField(field);
  const text =
    ownText ?? (isPrivateAddress ? pages.t(ctx, 'clients.privateAddress') : pages.t(ctx, `clients.problem.${name}`));
  return [name, uri === undefined ? text : `${uri}：${text}`];
}

/** Fields of the clients file with another name in the form. */
const OTHER_FIELDS: Readonly<Record<string, ClientField>> = { client_name: 'name_zh', ldap: 'directory' };

function toFormField(field: string): ClientField {
  const known = CLIENT_FIELDS.find((name) => name === field);
  return known ?? OTHER_FIELDS[field] ?? 'jwks_uri';
}

/** Shows what will change, and asks for the reason. The hidden fields carry the form. */
function showConfirmation(
  { pages }: HttpDeps,
  ctx: Context,
  form: {
    existing: StoredClient | undefined;
    version: number;
    values: ClientValues;
    registration: ClientRegistration;
    reason: string;
    problem: string | undefined;
  },
): void {
  const { existing, values, registration, problem } = form;
  const before = existing && valuesOf(existing.registration);
  const after = valuesOf(registration);
  const isOnly = isForDirectoryOnly(after) && (before === undefined || isForDirectoryOnly(before));
  const changes = (isOnly ? DIRECTORY_ONLY_FIELDS : CLIENT_FIELDS)
    .map((name) => ({
      name,
      before: before && valueLabels(pages, ctx, name, before[name]),
      after: valueLabels(pages, ctx, name, after[name]),
    }))
    .filter((change) => (change.before === undefined ? change.after !== '' : change.before !== change.after));
  pages.show(
    ctx,
    'console/client-confirm',
    {
      id: existing?.registration.client_id,
      name: values.name_zh[0] ?? '',
      version: form.version,
      changes,
      isSectorChanged: existing !== undefined && sectorOf(existing.registration) !== sectorOf(registration),
      hidden: CLIENT_FIELDS.flatMap((name) => values[name].map((value) => ({ name, value }))),
      values: { reason: form.reason },
      errors: problem === undefined ? {} : { reason: problem },
    },
    problem === undefined ? 200 : 422,
  );
}

function showSaved(
  deps: HttpDeps,
  ctx: Context,
  result: ClientResult,
  { existing, values, version, registration }: FormState & { registration: ClientRegistration },
): void {
  switch (result.kind) {
    case 'done':
      showSecrets(deps, ctx, registration.client_id, result, existing ? 'changed' : 'registered');
      return;
    case 'id_taken':
      showForm(deps, ctx, {
        existing,
        values,
        problems: [{ field: 'client_id' }],
        alert: deps.pages.t(ctx, 'clients.idTaken'),
        status: 409,
      });
      return;
    case 'changed_meanwhile':
      showForm(deps, ctx, {
        existing,
        values,
        version,
        alert: deps.pages.t(ctx, 'clients.changedMeanwhile'),
        status: 409,
      });
      return;
    case 'denied':
    case 'impossible':
      throw createError(403, 'the member of staff does not administer the city any more');
  }
}
