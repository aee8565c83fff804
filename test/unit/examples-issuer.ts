/** An issuer for the tests of the example applications, whose responses a test sets. */
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK } from 'jose';

export type Claims = Record<string, unknown>;
const CHILDREN = [
  { sub: 'child-a', name: '王小安', school_name: '示範高中', classtitle: '203' },
  { sub: 'child-b', name: '王小樂', school_name: '示範高中', classtitle: '105' },
  { sub: 'child-c', name: '王小和', school_name: '示範國中', classtitle: '301' },
  { sub: 'child-d', name: '王小平', school_name: '示範國小', classtitle: '101' },
];
export const PERMISSIONS = ['portfolio:read', 'fees:read', 'fees:pay'];

/** Listens on a free port. @returns the port */
export async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, resolve));
  return (server.address() as AddressInfo).port;
}
async function bodyOf(request: IncomingMessage): Promise<URLSearchParams> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return new URLSearchParams(text);
}

/** The responses of the issuer, and the requests that it received. */
export interface Issuer {
  url: string;
  server: Server;
  acting: Claims | undefined;
  permissions: string[];
  /** An OAuth error for the next authorization request. */
  error: string | undefined;
  userInfoStatus: number;
  authAge: number;
  asked: URLSearchParams[];
  sign(claims: Claims, typ?: string): Promise<string>;
}

export async function startIssuer(): Promise<Issuer> {
  const { privateKey, publicKey }: { privateKey: CryptoKey; publicKey: CryptoKey } = await generateKeyPair('ES256');
  const jwk: JWK = { ...(await exportJWK(publicKey)), kid: 'k1', alg: 'ES256', use: 'sig' };
  const codes = new Map<string, { nonce: string; client: string; acting: Claims | undefined }>();
  const seconds = (): number => Math.floor(Date.now() / 1000);
  const sign: Issuer['sign'] = (claims, typ = 'JWT') =>
    new SignJWT({ iss: issuer.url, iat: seconds(), exp: seconds() + 120, ...claims })
      .setProtectedHeader({ alg: 'ES256', kid: 'k1', typ })
      .sign(privateKey);
  const actingNow = (acting: Claims | undefined): Claims | undefined =>
    acting && (acting['role'] === 'parent' ? { ...acting, permissions: issuer.permissions } : acting);

  function authorize(query: URLSearchParams): string {
    issuer.asked.push(query);
    const wish = JSON.parse(query.get('claims') ?? '{}') as { id_token?: { acting: { value: Claims } } };
    const value = wish.id_token?.acting.value;
    const acting = value ? { ...value, ctx: `ctx-${String(value['child'] ?? value['role'])}` } : issuer.acting;
    const target = new URL(query.get('redirect_uri') ?? '');
    target.searchParams.set('state', query.get('state') ?? '');
    if (issuer.error === undefined) {
      const code = `code-${codes.size}`;
      codes.set(code, { nonce: query.get('nonce') ?? '', client: query.get('client_id') ?? '', acting });
      target.searchParams.set('code', code);
    } else target.searchParams.set('error', issuer.error);
    issuer.error = undefined;
    return target.href;
  }
  async function token(code: string): Promise<Claims> {
    const given = codes.get(code);
    const claims = {
      sub: 'p1',
      sid: 's1',
      aud: given?.client,
      nonce: given?.nonce,
      auth_time: seconds() - issuer.authAge,
    };
    const id_token = await sign({ ...claims, acting: actingNow(given?.acting) });
    return { access_token: code, token_type: 'Bearer', expires_in: 300, id_token };
  }
  const json: Record<string, (request: IncomingMessage, query: URLSearchParams) => Promise<Claims> | Claims> = {
    '/.well-known/openid-configuration': () => ({
      issuer: issuer.url,
      authorization_endpoint: `${issuer.url}/auth`,
      token_endpoint: `${issuer.url}/token`,
      userinfo_endpoint: `${issuer.url}/me`,
      end_session_endpoint: `${issuer.url}/end`,
      jwks_uri: `${issuer.url}/jwks`,
      id_token_signing_alg_values_supported: ['ES256'],
    }),
    '/jwks': () => ({ keys: [jwk] }),
    '/token': async (request) => token((await bodyOf(request)).get('code') ?? ''),
    '/me': (request) => {
      const acting = actingNow(codes.get(request.headers.authorization?.slice(7) ?? '')?.acting);
      const children = CHILDREN.map((child) => ({ ...child, permissions: issuer.permissions }));
      return { sub: 'p1', name: '<b>李美玲</b>', children, acting };
    },
  };
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost');
    const answer = json[pathname];
    if (pathname === '/auth') response.writeHead(303, { location: authorize(searchParams) }).end();
    else if (answer === undefined) response.writeHead(404).end();
    else
      void Promise.resolve(answer(request, searchParams)).then((body) => {
        const status = pathname === '/me' ? issuer.userInfoStatus : 200;
        response.writeHead(status, {
          'content-type': 'application/json',
          ...(status === 401 && { 'www-authenticate': 'Bearer error="invalid_token"' }),
        });
        response.end(JSON.stringify(body));
      });
  });
  const issuer: Issuer = {
    url: `http://localhost:${await listen(server)}`,
    server,
    acting: undefined,
    permissions: PERMISSIONS,
    error: undefined,
    userInfoStatus: 200,
    authAge: 0,
    asked: [],
    sign,
  };
  return issuer;
}
