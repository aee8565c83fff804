export const BASE = 'dc=city,dc=example';
export const SERVICE_SECRET = 'a secret of a service account';

export function serviceName(clientId: string): string {
  return `cn=${clientId},ou=services,${BASE}`;
}
