import { CLIENT_FIELDS } from '../../src/domain/client-fields.ts';
import { FIELD_OPTIONS, kindOf } from '../../src/http/console/clients/form-fields.ts';
import type { PageLocals } from '../../src/presentation/page-locals/index.ts';
import { CLIENT_ACTIONS } from '../../src/services/console/client-effects.ts';

type ClientPage =
  | 'console/clients'
  | 'console/client'
  | 'console/client-form'
  | 'console/client-confirm'
  | 'console/client-action'
  | 'console/client-secret'
  | 'console/keys'
  | 'console/dead-letters'
  | 'console/operation-confirm';

/** The values of the console pages about clients, keys and undelivered messages. */
export function clientPages(x: string): Pick<PageLocals, ClientPage> {
  return {
    'console/clients': {
      ofFile: [{ id: x, name: x }],
      stored: [{ id: x, name: x, isDisabled: true, isShadowed: true, updatedAt: 0 }],
      nextUrl: '/n',
    },
    'console/client': {
      ...{ id: x, name: x, fields: CLIENT_FIELDS.map((name) => ({ name, value: x })) },
      ...{ isReadOnly: false, isShadowed: true, isRevoking: true, disabledAt: 0, previousSecretUntil: 0 },
      directoryChoice: 'also',
      ...{ previousDirectorySecretUntil: 0, directory: { names: { name: x, base: x } } },
      ...{ actions: CLIENT_ACTIONS, notice: x },
    },
    'console/client-form': {
      version: 0,
      fields: CLIENT_FIELDS.map((name) => ({
        ...{ name, kind: kindOf(name), values: [x] },
        options: (FIELD_OPTIONS[name] ?? []).map((value) => ({ value, label: x })),
      })),
      errors: { redirect_uris: x, scopes: x, name_zh: x, require_pkce: x },
      alert: x,
    },
    'console/client-confirm': {
      ...{ id: x, name: x, version: 1, isSectorChanged: true },
      changes: CLIENT_FIELDS.map((name) => ({ name, before: x, after: x })),
      hidden: [{ name: 'name_zh', value: x }],
      values: { reason: x },
      errors: { reason: x },
    },
    'console/client-action': {
      ...{ id: x, name: x, action: 'disable', effect: x, version: 1, isPossible: true },
      ...{ values: { reason: x }, errors: { reason: x }, alert: x },
    },
    'console/client-secret': {
      ...{ id: x, secret: x, isRotated: true },
      directory: { secret: x, names: { name: x, base: x } },
    },
    'console/keys': { keys: [{ id: x, purpose: 'sign', alg: x, state: 'next', since: 0 }], notice: x },
    'console/dead-letters': {
      letters: [{ id: x, kind: 'mail', recipient: x, lastError: x, attempts: 45, deadAt: 0 }],
      nextUrl: '/n',
      notice: x,
    },
    'console/operation-confirm': {
      ...{ section: 'keys', title: x, effect: x, detail: x, action: '/a', backUrl: '/b' },
      ...{ button: { value: x, isDanger: true }, hidden: [{ name: 'version', value: x }] },
      ...{ values: { reason: x }, errors: { reason: x } },
    },
  };
}
