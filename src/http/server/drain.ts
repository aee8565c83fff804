import type { RequestListener } from 'node:http';
import type { InFlightTracker } from './in-flight-tracker.ts';

/**
 * The drain before a shutdown. The node still handles requests, but its health check is not ready, so load balancers send no new ones.
 * Each connection closes after its response.
 */
export interface Drain {
  hasBegun(): boolean;
  begin(): void;
  /** Wraps a listener: its responses have `Connection: close` once the drain has begun. */
  watch(handle: RequestListener): RequestListener;
}

export function createDrain(inFlight: Pick<InFlightTracker, 'responses'>): Drain {
  let hasBegun = false;
  return {
    hasBegun: () => hasBegun,
    begin: () => {
      hasBegun = true;
      // Affects responses whose head is not written yet. The other connections become idle and are closed at the end.
      for (const response of inFlight.responses()) response.shouldKeepAlive = false;
    },
    watch: (handle) => (request, response) => {
      if (hasBegun) response.shouldKeepAlive = false;
      handle(request, response);
    },
  };
}
