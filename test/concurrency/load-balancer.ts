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
 * A load balancer with readiness checks, round robin and keep-alive connections to the nodes. It tries another node only if a
 * connection is refused, because then no byte was sent. Other failures give the client 502.
 */
export interface LoadBalancer {
  /** Descriptions of requests without a response of a node. */
  failures: string[];
  /** Waits until this node receives requests. */
  waitUntilReady(node: number): Promise<void>;
  /** Returns the number of requests on reused connections. */
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
    const answer = await sendToFirst(candidatePorts(nodes, turn), agent, incoming, body);
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
    waitUntilReady: async (node) => {
      await pollUntil('the node is ready', () => nodes[node]?.ready === true, TIMEOUT_MS);
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

/** Checks readiness until the load balancer is closed. Has no timeout, because a slow node is not a stopped one. */
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

/** Lists the ports of the ready nodes in round-robin order; those of all nodes if none is ready. */
function candidatePorts(nodes: readonly Node[], turn: number): number[] {
  const ready = nodes.filter((node) => node.ready);
  const candidates = ready.length > 0 ? ready : nodes;
  return candidates.map((_, i) => candidates[(turn + i) % candidates.length]?.port ?? 0);
}

interface NodeResponse {
  head: IncomingMessage;
  body: Buffer;
  reused: boolean;
}

async function sendToFirst(
  ports: readonly number[],
  agent: Agent,
  incoming: IncomingMessage,
  body: Buffer,
): Promise<NodeResponse | Error> {
  let last = new Error('no node');
  for (const port of ports) {
    try {
      return await forward(port, agent, incoming, body);
    } catch (error) {
      last = error instanceof Error ? error : new Error(String(error));
      if (!('code' in last) || last.code !== 'ECONNREFUSED') break;
    }
  }
  return last;
}

function forward(port: number, agent: Agent, incoming: IncomingMessage, body: Buffer): Promise<NodeResponse> {
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

/** Removes hop-by-hop headers (RFC 9110, section 7.6.1). */
function endToEnd({ headers }: IncomingMessage): IncomingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !['connection', 'keep-alive'].includes(name)));
}
