import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

import { systemRandom } from '../../src/domain/random.ts';
import { createSecrets } from '../../src/platform/crypto/secrets.ts';
import { openStore } from '../../src/store/database/index.ts';
import {
  createInstallation,
  startProgram,
  type Installation,
  type HomeOptions,
  type Program,
} from '../helpers/child-process.ts';
import { freePort } from '../helpers/ports.ts';
import type { ServiceDatabase } from '../helpers/service.ts';
import { startLoadBalancer, type LoadBalancer } from './load-balancer.ts';

/** Processes of the service on one database behind a load balancer, whose URL is the issuer. */
export interface Nodes {
  issuer: string;
  home: Installation;
  loadBalancer: LoadBalancer;
  /** The URL of each node without the load balancer. */
  urls: readonly string[];
  programs: Program[];
  /** Restarts a node whose process has ended. Resolves when the load balancer sends requests to it. */
  start(node: number): Promise<void>;
  /** Stops a node with SIGTERM. */
  stopNode(node: number): Promise<void>;
  /** Kills a node with SIGKILL. */
  kill(node: number): Promise<void>;
  stop(): Promise<void>;
}

interface Options extends HomeOptions {
  count: number;
  env?: Record<string, string>;
  /** More variables of one node. */
  envOf?: (node: number) => Record<string, string>;
  /** The file to run instead of `kinpass start`. */
  file?: string;
}

/** Opens the database of the nodes in the test process, for helpers that read or write it. */
export async function openDatabase({ issuer, home }: Nodes): Promise<ServiceDatabase> {
  const store = await openStore({ file: home.databaseFile, url: home.env['DATABASE_URL'] });
  const key = Buffer.from(readFileSync(home.keyFile, 'utf8'), 'base64');
  return { issuer, container: { store, secrets: createSecrets(key, systemRandom) } };
}

/** Starts `count` nodes with the demo city and a load balancer. */
export async function startNodes({ count, env = {}, envOf, file, ...options }: Options): Promise<Nodes> {
  const home = await createInstallation(options);
  const ports = await Promise.all(Array.from({ length: count }, () => freePort()));
  const loadBalancer = await startLoadBalancer(Number(new URL(home.issuer).port), ports);
  const startNode = (node: number): Promise<Program> =>
    startProgram(
      { ...home.env, ...env, ...envOf?.(node), KINPASS_PORT: String(ports[node]) },
      file === undefined ? undefined : [file],
    );
  const programs = await Promise.all(ports.map((_, node) => startNode(node)));
  await Promise.all(ports.map((_, node) => loadBalancer.waitUntilReady(node)));
  const end = async (node: number, signal: NodeJS.Signals, how: number | string): Promise<void> => {
    const program = programs[node];
    assert.ok(program);
    program.child.kill(signal);
    assert.equal(await program.ended, how, program.err());
  };
  return {
    issuer: home.issuer,
    home,
    loadBalancer,
    urls: ports.map((port) => `http://localhost:${String(port)}`),
    programs,
    start: async (node) => {
      programs[node] = await startNode(node);
      await loadBalancer.waitUntilReady(node);
    },
    stopNode: (node) => end(node, 'SIGTERM', 0),
    kill: (node) => end(node, 'SIGKILL', 'SIGKILL'),
    stop: async () => {
      await Promise.all(programs.map((_, node) => end(node, 'SIGTERM', 0)));
      await loadBalancer.close();
      home.remove();
    },
  };
}
