import type { IncomingMessage } from 'node:http';
import type { Handler } from './in-flight-tracker.ts';

/** Node keeps the first of several lines with these names, a proxy may have decided by the last one. */
const SINGLE = new Set(['host', 'authorization']);

/**
 * Answers 400 to a request with two `Host` lines, an empty or missing one, or two `Authorization` lines (RFC 9112, 3.2; RFC 9110, 5.3),
 * and closes the connection: the sender and a proxy in front may disagree about its end too. Node itself refuses two `Content-Length`
 * lines, and `Content-Length` together with `Transfer-Encoding`.
 */
export function rejectDuplicateHeaders(handle: Handler): Handler {
  return (request, response) => {
    if (!hasDuplicateHeader(request) && hasHost(request)) return handle(request, response);
    response.writeHead(400, { connection: 'close', 'content-length': '0' });
    response.end();
    return Promise.resolve();
  };
}

/** HTTP/1.0 knows no `Host`. */
function hasHost({ headers, httpVersion }: IncomingMessage): boolean {
  return headers.host === undefined ? httpVersion === '1.0' : headers.host !== '';
}

function hasDuplicateHeader({ rawHeaders }: IncomingMessage): boolean {
  const seen = new Set<string>();
  // Names and values take turns.
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]?.toLowerCase() ?? '';
    if (!SINGLE.has(name)) continue;
    if (seen.has(name)) return true;
    seen.add(name);
  }
  return false;
}
