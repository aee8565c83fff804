import type { IncomingMessage, RequestListener, Server } from 'node:http';
import { isIP, isIPv4 } from 'node:net';
import proxyaddr from 'proxy-addr';
import { z } from 'zod';
import type { Clock } from '../../domain/clock.ts';
import { HOUR_MS } from '../../domain/duration.ts';
import { throttleNetworks } from '../../domain/throttling/network.ts';
import { runBestEffort } from '../../platform/best-effort.ts';
import type { Logger } from '../../platform/logger.ts';
import type { Metrics, ProxyProblem } from '../../platform/metrics.ts';
import { createClientAddress, peerOf } from '../middleware/issuer-origin.ts';

/** The headers in which proxies name the client. */
const CLIENT_HEADERS = ['x-forwarded-for', 'forwarded', 'x-real-ip'] as const;

/** Health checks of a load balancer come from no client. */
const HEALTH = '/health/';

/** Begins a connection of a proxy with the PROXY protocol, versions 1 and 2. The service does not read it. */
const PROXY_PROTOCOL = ['PROXY ', '\r\n\r\n\0\r\nQUIT\n'];

/** Networks that are remembered, and so the number of warnings in an hour: anyone can send the headers to an open port. */
const MAX_NETWORKS = 100;

const TEXTS: Readonly<Record<ProxyProblem, string>> = {
  untrusted: 'add the address of the proxy to KINPASS_TRUSTED_PROXIES: without it all people count as one network',
  no_client_address: 'let the proxy send X-Forwarded-For: without it all people count as one network',
  http: 'let the proxy redirect http to https: browsers store no Secure cookie over http',
  proxy_protocol: 'turn the PROXY protocol off: the service reads only X-Forwarded-For',
};

interface Deps {
  issuer: string;
  trustedProxies: readonly string[];
  clock: Clock;
  log: Logger;
  metrics: Metrics;
}

/** Warns about a proxy that is not configured as the service expects: once in an hour for each network. */
export interface ProxyCheck {
  /** Checks each request before it is handled. */
  watch(handle: RequestListener): RequestListener;
  /** Checks what cannot be parsed as a request. */
  watchConnections(server: Server): void;
}

export function createProxyCheck(deps: Deps): ProxyCheck {
  const proxies = createClientAddress(deps.trustedProxies);
  const isHttps = deps.issuer.startsWith('https:');
  const canWarn = createPace(deps.clock);
  const report = (problem: ProxyProblem, peer: string, sent: readonly string[] = []): void => {
    runBestEffort(deps, 'metrics', () => {
      deps.metrics.proxyProblems.inc({ problem });
    });
    const network = networkOf(peer);
    if (!canWarn(`${problem} ${network}`)) return;
    deps.log.warn({ problem, peer: network, sent, action: TEXTS[problem] }, 'proxy misconfigured');
  };
  const check = ({ socket, headers, url = '' }: IncomingMessage): void => {
    const peer = peerOf(socket);
    const sent = CLIENT_HEADERS.filter((name) => headers[name] !== undefined);
    const isOfProxy = peer !== '' && proxies.isTrusted(peer);
    if (!isOfProxy && sent.length > 0) report('untrusted', peer, sent);
    if (!isOfProxy || url.startsWith(HEALTH)) return;
    if (!sent.includes('x-forwarded-for')) report('no_client_address', peer, sent);
    if (isHttps && headers['x-forwarded-proto'] === 'http') report('http', peer, ['x-forwarded-proto']);
  };
  return {
    watch: (handle) => (request, response) => {
      check(request);
      handle(request, response);
    },
    watchConnections: (server) => {
      server.on('connection', (socket) => {
        const peer = peerOf(socket);
        // Node closes the connection with the error of its parser.
        socket.once('error', (error) => {
          if (isProxyProtocol(error)) report('proxy_protocol', peer);
        });
      });
    },
  };
}

const parseError = z.object({ rawPacket: z.instanceof(Uint8Array) });

function isProxyProtocol(error: unknown): boolean {
  const parsed = parseError.safeParse(error);
  if (!parsed.success) return false;
  const start = Buffer.from(parsed.data.rawPacket.subarray(0, 16)).toString('latin1');
  return PROXY_PROTOCOL.some((signature) => start.startsWith(signature));
}

/** Returns a function that returns true once in an hour for each key, and for at most `MAX_NETWORKS` keys in an hour. */
function createPace(clock: Clock): (key: string) => boolean {
  /** In the order of their times. */
  const warnedAt = new Map<string, number>();
  return (key) => {
    const now = clock.now();
    for (const [oldest, at] of warnedAt) {
      if (at > now - HOUR_MS) break;
      warnedAt.delete(oldest);
    }
    if (warnedAt.has(key) || warnedAt.size >= MAX_NETWORKS) return false;
    warnedAt.set(key, now);
    return true;
  };
}

const isPrivate = proxyaddr.compile(['loopback', 'linklocal', 'uniquelocal']);

/** Returns the address of a proxy in a private network, and else only the network: the peer can be the device of a person. */
function networkOf(peer: string): string {
  if (isIP(peer) === 0) return 'unknown';
  if (isPrivate(peer, 0)) return peer;
  const widest = throttleNetworks(peer).at(-1)?.name ?? '';
  return isIPv4(widest) ? widest.replace(/\d+$/, '0/24') : widest;
}
