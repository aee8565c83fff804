/** An address on which the service listens, with the names of its settings. */
export interface ListenAddress {
  host: string;
  port: number;
  names: { host: string; port: string };
}

export const LISTEN_SETTINGS = {
  http: { host: 'KINPASS_HOST', port: 'KINPASS_PORT' },
  metrics: { host: 'KINPASS_METRICS_HOST', port: 'KINPASS_METRICS_PORT' },
  ldap: { host: 'KINPASS_LDAP_HOST', port: 'KINPASS_LDAP_PORT' },
  ldaps: { host: 'KINPASS_LDAP_HOST', port: 'KINPASS_LDAPS_PORT' },
} as const;

type Names = (typeof LISTEN_SETTINGS)[keyof typeof LISTEN_SETTINGS];
type AddressSettings = Partial<Record<Names['host'], string | undefined> & Record<Names['port'], number | undefined>>;

/** Lists the addresses whose settings are valid. */
export function listAddresses(settings: AddressSettings): ListenAddress[] {
  return Object.values(LISTEN_SETTINGS).flatMap((names) => {
    const [host, port] = [settings[names.host], settings[names.port]];
    return host === undefined || port === undefined ? [] : { host, port, names };
  });
}
