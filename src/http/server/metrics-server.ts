import { createServer, type Server } from 'node:http';
import type { Logger } from '../../platform/logger.ts';
import type { Metrics } from '../../platform/metrics.ts';

/** Prometheus reads from a port of its own, which no proxy publishes. Figures that can not be read are a 500, and no more. */
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
        log.error({ err: error }, 'the figures could not be read');
        response.writeHead(500).end();
      },
    );
  });
}
