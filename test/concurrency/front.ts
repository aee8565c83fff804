import { once } from 'node:events';
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';

/**
 * What stands before several nodes: sends each request to the next one in turn. Another node is tried only when a connection is
 * refused, because then nothing was sent; any other failure reaches the client as 502.
 */
export interface Front {
  /** Requests that no node answered. */
  failures: string[];
  close(): Promise<void>;
}

export async function startFront(port: number, nodes: readonly number[]): Promise<Front> {
  const failures: string[] = [];
  let turn = 0;
  const handle = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const body = await buffer(incoming);
    turn += 1;
    const order = nodes.map((_, i) => nodes[(turn + i) % nodes.length] ?? 0);
    const answer = await firstAnswer(order, incoming, body);
    if (answer instanceof Error) {
      failures.push(`${incoming.method ?? ''} ${incoming.url ?? ''}: ${answer.message}`);
      outgoing.writeHead(502).end();
      return;
    }
    outgoing.writeHead(answer.head.statusCode ?? 502, answer.head.headers).end(answer.body);
  };
  const server = createServer((incoming, outgoing) => {
    void handle(incoming, outgoing);
  });
  server.listen(port, 'localhost');
  await once(server, 'listening');
  return {
    failures,
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

interface NodeAnswer {
  head: IncomingMessage;
  body: Buffer;
}

async function firstAnswer(
  ports: readonly number[],
  incoming: IncomingMessage,
  body: Buffer,
): Promise<NodeAnswer | Error> {
  let last = new Error('no node');
  for (const port of ports) {
    try {
      return await ask(port, incoming, body);
    } catch (error) {
      last = error instanceof Error ? error : new Error(String(error));
      if (!('code' in last) || last.code !== 'ECONNREFUSED') break;
    }
  }
  return last;
}

function ask(port: number, { method = 'GET', url = '/', headers }: IncomingMessage, body: Buffer): Promise<NodeAnswer> {
  return new Promise((resolve, reject) => {
    const sent = request({
      ...{ host: 'localhost', port, path: url, method, agent: false },
      headers: { ...headers, connection: 'close' },
    });
    sent.on('error', reject);
    sent.on('response', (head) => {
      buffer(head).then((whole) => {
        resolve({ head, body: whole });
      }, reject);
    });
    sent.end(body);
  });
}
