import type { RequestListener } from 'node:http';
import type { InFlightTracker } from './in-flight-tracker.ts';

/**
 * The way out of a node: from the moment that it is asked to stop until it takes no connection any more. It answers as before, but
 * says that it is not ready, so that load balancers send nothing new, and lets each connection end with its answer.
 */
export interface Drain {
  hasBegun(): boolean;
  begin(): void;
  /** The same listener, whose answers say `Connection: close` once the drain has begun. */
  watch(handle: RequestListener): RequestListener;
}

export function createDrain(inFlight: Pick<InFlightTracker, 'responses'>): Drain {
  let hasBegun = false;
  return {
    hasBegun: () => hasBegun,
    begin: () => {
      hasBegun = true;
      // Those whose head is not written yet; the others are idle soon and are closed at the end.
      for (const response of inFlight.responses()) response.shouldKeepAlive = false;
    },
    watch: (handle) => (request, response) => {
      if (hasBegun) response.shouldKeepAlive = false;
      handle(request, response);
    },
  };
}
