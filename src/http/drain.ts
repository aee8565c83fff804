import type { RequestListener, ServerResponse } from 'node:http';

/**
 * The way out of a node: from the moment that it is asked to stop until it takes no connection any more. It answers as before, but
 * says that it is not ready, so that load balancers send nothing new, and lets each connection end with its answer.
 */
export interface Drain {
  begun(): boolean;
  /**
   * Whether more than so many requests wait for their answer. One that was only announced does not count: to hold a door shut must cost
   * more than a socket.
   */
  hasMoreUnderWay(than: number): boolean;
  begin(): void;
  /** The same listener, whose answers say `Connection: close` once the drain has begun. */
  watch(handle: RequestListener): RequestListener;
}

export function createDrain(): Drain {
  const open = new Set<ServerResponse>();
  let begun = false;
  return {
    begun: () => begun,
    hasMoreUnderWay: (than) => {
      let left = than;
      for (const { req } of open) if (req.complete && (left -= 1) < 0) return true;
      return false;
    },
    begin: () => {
      begun = true;
      // Those whose head is not written yet; the others are idle soon and are closed at the end.
      for (const response of open) response.shouldKeepAlive = false;
    },
    watch: (handle) => (request, response) => {
      if (begun) response.shouldKeepAlive = false;
      open.add(response);
      response.once('close', () => open.delete(response));
      handle(request, response);
    },
  };
}
