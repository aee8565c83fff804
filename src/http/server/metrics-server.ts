import { createServer, type Server } from 'node:http';
import type { Logger } from '../../platform/logger.ts';
import type { Metrics } from '../../platform/metrics.ts';

/** Creates the server for Prometheus, on a port of its own that no proxy publishes. */
export function createMetricsServer({ registry }: Pick<Metrics, 'registry'>, log: Logger): Server {
  return createServer((request, response) => {
    if (request.url !== '/metrics') {
      response.writeHead(404).end();
      return;
    }
    registry.metrics().then(
      (text) => {
        response.writeHead(200, { 'content-type': registry.contentType }).end(text);
      },
      (error: unknown) => {
        log.error({ err: error }, 'failed to collect metrics');
        response.writeHead(500).end();
      },
    );
  });
}
