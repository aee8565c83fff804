import { textOf, type Answer } from './http-browser.ts';

/* The form of the console that registers a relying party. */

export type Fields = Record<string, string | readonly string[]>;

/** Returns the fields of a valid registration. */
export function clientForm(id: string, more: Fields = {}): Fields {
  return {
    client_id: id,
    name_zh: `測試 ${id}`,
    name_en: `Test ${id}`,
    application_type: 'web',
    token_endpoint_auth_method: 'client_secret_basic',
    redirect_uris: `https://${id}.example/callback`,
    scopes: 'openid',
    school_types: 'senior_high',
    id_token_signed_response_alg: 'ES256',
    require_pkce: 'yes',
    ...more,
  };
}

/** Returns the error that the page shows at a field, or an empty string. */
export function errorAt({ body }: Answer, field: string): string {
  return textOf(new RegExp(`<p[^>]*id="${field}-error".*?</p>`).exec(body)?.[0] ?? '');
}

/** Returns the client secret that the page shows once, or an empty string. */
export function secretOn({ body }: Answer): string {
  return /data-client-secret="([^"]+)"/.exec(body)?.[1] ?? '';
}

/** Returns the directory secret that the page shows once, or an empty string. */
export function directorySecretOn({ body }: Answer): string {
  return /data-directory-secret="([^"]+)"/.exec(body)?.[1] ?? '';
}

export function encode(fields: Fields): URLSearchParams {
  const params = new URLSearchParams();
  for (const [name, values] of Object.entries(fields)) {
    for (const value of [values].flat()) params.append(name, value);
  }
  return params;
}
