/** Returns true if a host name of a URL names the machine itself. IPv6 addresses are in brackets, as in `URL.hostname`. */
export function isLoopbackHost(hostname: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/i.test(hostname);
}
