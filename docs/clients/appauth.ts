import {
  AuthorizationNotifier,
  AuthorizationRequest,
  AuthorizationServiceConfiguration,
  BaseTokenRequestHandler,
  GRANT_TYPE_AUTHORIZATION_CODE,
  GRANT_TYPE_REFRESH_TOKEN,
  RevokeTokenRequest,
  TokenRequest,
  type AuthorizationResponse,
  type TokenResponse,
} from '@openid/appauth';
import { NodeBasedHandler, NodeCrypto, NodeRequestor } from '@openid/appauth/built/node_support/index.js';

/** A sign-in of a program on the person's computer. `port` is any free one. */
export async function createProgram(issuer: string, clientId: string, port: number): Promise<Program> {
  const requestor = new NodeRequestor();
  const endpoints = await AuthorizationServiceConfiguration.fetchFromIssuer(issuer, requestor);
  const tokens = new BaseTokenRequestHandler(requestor);
  const client = { client_id: clientId, redirect_uri: `http://127.0.0.1:${port}/` };

  /** Opens the browser, and waits for the redirect to the port. */
  async function authorize(): Promise<{ code: string; verifier: string }> {
    const { promise, resolve, reject } = Promise.withResolvers<AuthorizationResponse>();
    const notifier = new AuthorizationNotifier();
    notifier.setAuthorizationListener((_request, response, error) => {
      if (response) resolve(response);
      else reject(new Error(error?.errorDescription ?? 'the sign-in failed'));
    });
    const handler = new NodeBasedHandler(port);
    handler.setAuthorizationNotifier(notifier);
    const request = new AuthorizationRequest(
      {
        ...client,
        scope: 'openid profile offline_access',
        response_type: AuthorizationRequest.RESPONSE_TYPE_CODE,
        extras: { prompt: 'consent' },
      },
      new NodeCrypto(),
    );
    handler.performAuthorizationRequest(endpoints, request);
    const { code, state } = await promise;
    if (state !== request.state) throw new Error('this response belongs to another sign-in');
    return { code, verifier: request.internal?.['code_verifier'] ?? '' };
  }

  return {
    signIn: async () => {
      const { code, verifier } = await authorize();
      const fields = { ...client, grant_type: GRANT_TYPE_AUTHORIZATION_CODE, code };
      return tokens.performTokenRequest(
        endpoints,
        new TokenRequest({ ...fields, extras: { code_verifier: verifier } }),
      );
    },
    refresh: (refreshToken) => {
      const fields = { ...client, grant_type: GRANT_TYPE_REFRESH_TOKEN, refresh_token: refreshToken };
      return tokens.performTokenRequest(endpoints, new TokenRequest(fields));
    },
    signOut: (refreshToken) =>
      tokens.performRevokeTokenRequest(endpoints, new RevokeTokenRequest({ token: refreshToken, client_id: clientId })),
  };
}

export interface Program {
  signIn(): Promise<TokenResponse>;
  /** Store the new refresh token at once: the old one is consumed. */
  refresh(refreshToken: string): Promise<TokenResponse>;
  /** Revokes the tokens. The person stays signed in at the service in the browser. */
  signOut(refreshToken: string): Promise<boolean>;
}
