import type { IncomingMessage } from 'node:http';
import type { Handler } from './in-flight-tracker.ts';

/** Node uses the first line of several with these names; a proxy may have used the last one. */
const SINGLE_HEADERS = new Set(['host', 'authorization']);

/**
 * Rejects a request with a missing, empty or second `Host` line or two `Authorization` lines with 400 (RFC 9112, 3.2; RFC 9110, 5.3).
 * Closes the connection, because client and proxy may also disagree about where the request ends. Node itself rejects two
 * `Content-Length` lines, and `Content-Length` with `Transfer-Encoding`.
 */
export function rejectDuplicateHeaders(handle: Handler): Handler {
  return (request, response) => {
    if (!hasDuplicateHeader(request) && hasHost(request)) return handle(request, response);
    response.writeHead(400, { connection: 'close', 'content-length': '0' });
    response.end();
    return Promise.resolve();
  };
}

/** Returns true for HTTP/1.0 without `Host`, which is valid. */
function hasHost({ headers, httpVersion }: IncomingMessage): boolean {
  return headers.host === undefined ? httpVersion === '1.0' : headers.host !== '';
}

function hasDuplicateHeader({ rawHeaders }: IncomingMessage): boolean {
  const seen = new Set<string>();
  // Names and values alternate.
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]?.toLowerCase() ?? '';
    if (!SINGLE_HEADERS.has(name)) continue;
    if (seen.has(name)) return true;
    seen.add(name);
  }
  return false;
}
