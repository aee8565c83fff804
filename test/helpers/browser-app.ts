/**
 * A page that signs in with the code flow, PKCE and DPoP, with `fetch` and the Web Cryptography API only. `start(issuer)` leaves the page;
 * `finish(issuer)` redeems the code and returns the responses of each endpoint.
 */
export const BROWSER_APP = `<!doctype html><title>app</title><script>
const base64url = (bytes) =>
  btoa(String.fromCharCode(...new Uint8Array(bytes))).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
const encode = (value) => base64url(new TextEncoder().encode(JSON.stringify(value)));
const sha256 = (text) => crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
const random = () => base64url(crypto.getRandomValues(new Uint8Array(32)));
const discover = async (issuer) => (await fetch(issuer + '/.well-known/openid-configuration')).json();
const client = { client_id: 'spa', redirect_uri: location.origin + '/spa' };

async function start(issuer) {
  sessionStorage.verifier = random();
  const { authorization_endpoint: endpoint } = await discover(issuer);
  location.href = endpoint + '?' + new URLSearchParams({
    ...client, response_type: 'code', scope: 'openid profile offline_access', prompt: 'consent', nonce: random(),
    code_challenge: base64url(await sha256(sessionStorage.verifier)), code_challenge_method: 'S256',
  });
}

async function finish(issuer) {
  const server = await discover(issuer);
  const key = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign']);
  const { kty, crv, x, y } = await crypto.subtle.exportKey('jwk', key.publicKey);
  const prove = async (htm, htu, token) => {
    const claims = { htm, htu, jti: random(), iat: Math.floor(Date.now() / 1000), ...(token && { ath: base64url(await sha256(token)) }) };
    const input = encode({ alg: 'ES256', typ: 'dpop+jwt', jwk: { kty, crv, x, y } }) + '.' + encode(claims);
    const signature = await crypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, key.privateKey, new TextEncoder().encode(input));
    return input + '.' + base64url(signature);
  };
  const read = async (answer) => {
    const text = await answer.text();
    return { status: answer.status, challenge: answer.headers.get('www-authenticate'), body: text && JSON.parse(text) };
  };
  const post = async (url, fields) =>
    read(await fetch(url, {
      method: 'POST', headers: { DPoP: await prove('POST', url) }, body: new URLSearchParams({ client_id: 'spa', ...fields }),
    }));
  const ask = async (token) =>
    read(await fetch(server.userinfo_endpoint, {
      headers: { Authorization: 'DPoP ' + token, DPoP: await prove('GET', server.userinfo_endpoint, token) },
    }));
  const { token_endpoint: tokens, revocation_endpoint: revocation } = server;
  const code = new URLSearchParams(location.search).get('code');
  const first = await post(tokens, { ...client, grant_type: 'authorization_code', code, code_verifier: sessionStorage.verifier });
  const claims = await ask(first.body.access_token);
  // A token that is bound to a key is not rotated.
  const { refresh_token } = first.body;
  const next = await post(tokens, { grant_type: 'refresh_token', refresh_token });
  const revoked = await post(revocation, { token: refresh_token });
  const ended = await post(tokens, { grant_type: 'refresh_token', refresh_token });
  const unknown = await ask('unknown');
  return { first, claims, next, revoked, ended, unknown };
}
</script>`;
