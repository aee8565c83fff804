/** The values of your installation. */
export interface Settings {
  issuer: string;
  clientId: string;
  clientSecret: string;
  /** Address of your app, without a slash at its end. */
  baseUrl: string;
}
