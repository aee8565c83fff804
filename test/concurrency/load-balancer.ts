import { once } from 'node:events';
import {
  Agent,
  createServer,
  request,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';

import { pollUntil } from '../helpers/poll.ts';

/**
 * What stands before several nodes, as load balancers do it: it asks each node again and again whether it is ready, sends each
 * request to the next one that is, and keeps the connections to them. Another node is tried only when a connection is refused,
 * because then nothing was sent; any other failure reaches the client as 502.
 */
export interface LoadBalancer {
  /** Requests that no node answered. */
  failures: string[];
  /** Waits until this node gets its share. */
  sees(node: number): Promise<void>;
  /** Requests that went over a connection that was there already. */
  reused(): number;
  close(): Promise<void>;
}

interface Node {
  port: number;
  ready: boolean;
}

const POLL_MS = 100;
const TIMEOUT_MS = 60_000;

export async function startLoadBalancer(port: number, ports: readonly number[]): Promise<LoadBalancer> {
  const failures: string[] = [];
  const agent = new Agent({ keepAlive: true });
  const nodes = ports.map((one): Node => ({ port: one, ready: false }));
  const closing = new AbortController();
  const watching = nodes.map((node) => watch(node, closing.signal));
  let [turn, reused] = [0, 0];
  const handle = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const body = await buffer(incoming);
    turn += 1;
    const answer = await firstAnswer(inOrder(nodes, turn), agent, incoming, body);
    if (answer instanceof Error) {
      failures.push(`${incoming.method ?? ''} ${incoming.url ?? ''}: ${answer.message}`);
      outgoing.writeHead(502).end();
      return;
    }
    if (answer.reused) reused += 1;
    outgoing.writeHead(answer.head.statusCode ?? 502, endToEnd(answer.head)).end(answer.body);
  };
  const server = createServer((incoming, outgoing) => {
    void handle(incoming, outgoing);
  });
  server.listen(port, 'localhost');
  await once(server, 'listening');
  return {
    failures,
    reused: () => reused,
    sees: async (node) => {
      await pollUntil('the front sees the node', () => nodes[node]?.ready === true, TIMEOUT_MS);
    },
    close: async () => {
      closing.abort();
      await Promise.all(watching);
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
      agent.destroy();
    },
  };
}

/** Asks until the front is closed. Slow answers are waited for: a node that has much to do is not one that is gone. */
async function watch(node: Node, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      const answer = await fetch(`http://localhost:${String(node.port)}/health/ready`, { signal });
      await answer.arrayBuffer();
      node.ready = answer.ok;
    } catch {
      node.ready = false;
    }
    await sleep(POLL_MS, undefined, { signal }).catch(() => undefined);
  }
}

/** The ports of the nodes that are ready, another one first each time; of all of them when none is, as load balancers do. */
function inOrder(nodes: readonly Node[], turn: number): number[] {
  const ready = nodes.filter((node) => node.ready);
  const candidates = ready.length > 0 ? ready : nodes;
  return candidates.map((_, i) => candidates[(turn + i) % candidates.length]?.port ?? 0);
}

interface NodeAnswer {
  head: IncomingMessage;
  body: Buffer;
  reused: boolean;
}

async function firstAnswer(
  ports: readonly number[],
  agent: Agent,
  incoming: IncomingMessage,
  body: Buffer,
): Promise<NodeAnswer | Error> {
  let last = new Error('no node');
  for (const port of ports) {
    try {
      return await ask(port, agent, incoming, body);
    } catch (error) {
      last = error instanceof Error ? error : new Error(String(error));
      if (!('code' in last) || last.code !== 'ECONNREFUSED') break;
    }
  }
  return last;
}

function ask(port: number, agent: Agent, incoming: IncomingMessage, body: Buffer): Promise<NodeAnswer> {
  const { method = 'GET', url = '/' } = incoming;
  const headers = endToEnd(incoming);
  return new Promise((resolve, reject) => {
    const sent = request({ host: 'localhost', port, path: url, method, agent, headers });
    sent.on('error', reject);
    sent.on('response', (head) => {
      buffer(head).then((whole) => {
        resolve({ head, body: whole, reused: sent.reusedSocket });
      }, reject);
    });
    sent.end(body);
  });
}

/** Without what a side says of its own connection, which is none of the other's business (RFC 9110, section 7.6.1). */
function endToEnd({ headers }: IncomingMessage): IncomingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !['connection', 'keep-alive'].includes(name)));
}
