import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';

import type { Page } from 'playwright-core';

import { freePort } from './ports.ts';

/** Shows rendered pages in a browser. Interception by Playwright would disable the cache, and load all assets for each page. */
export interface SampleServer {
  /** Navigates to a page with this HTML. */
  show(page: Page, view: string, html: string): Promise<void>;
  stop(): void;
}

/** Starts a server of rendered pages, which gets their assets from the service. */
export async function startSampleServer(issuer: string): Promise<SampleServer> {
  let shown = { path: '', html: '' };
  const getAsset = async (path: string, response: ServerResponse): Promise<void> => {
    const asset = await fetch(new URL(path, issuer));
    const names = ['content-type', 'cache-control'] as const;
    response.writeHead(asset.status, Object.fromEntries(names.map((name) => [name, asset.headers.get(name) ?? ''])));
    response.end(Buffer.from(await asset.arrayBuffer()));
  };
  const server = createServer((request, response) => {
    if (request.url === shown.path) {
      response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(shown.html);
    } else {
      getAsset(request.url ?? '', response).catch((error: unknown) => response.destroy(new Error(String(error))));
    }
  });
  const port = await freePort();
  server.listen(port, 'localhost');
  // A failed test does not stop it.
  server.unref();
  await once(server, 'listening');
  return {
    show: async (page, view, html) => {
      shown = { path: `/${view}`, html };
      await page.goto(`http://localhost:${String(port)}/${view}`);
    },
    stop: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
