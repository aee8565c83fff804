import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { TokenResponse } from '@openid/appauth';

import { createProgram, type Program } from '../../docs/clients/appauth.ts';
import { discover, readUserInfo } from '../../docs/clients/endpoints.ts';
import { pollUntil } from '../helpers/poll.ts';
import type { KnownClient } from './registration.ts';

/** The program and the command start while other tests run. */
const OPEN_TIMEOUT_MS = 60_000;

export interface Desktop {
  program: Program;
  /** Returns the address that the program opens in the browser. */
  openedUrl(): Promise<string>;
  readClaims(tokens: TokenResponse): Promise<Record<string, unknown>>;
  stop(): void;
}

/** Starts the program of a desktop whose browser command, `xdg-open`, writes the address to a file. */
export async function startAppAuth(issuer: string, { id, baseUrl }: KnownClient): Promise<Desktop> {
  const folder = mkdtempSync(join(tmpdir(), 'kinpass-desktop-'));
  const opened = join(folder, 'url');
  const command = join(folder, 'xdg-open');
  // The program ignores the output of the command.
  const errors = join(folder, 'errors');
  writeFileSync(
    command,
    `#!/bin/sh\nexec 2> ${errors}\nprintf %s "$1" > ${folder}/new && mv ${folder}/new ${opened}\n`,
  );
  chmodSync(command, 0o700);
  const path = process.env['PATH'];
  process.env['PATH'] = `${folder}:${path ?? ''}`;
  const { userinfo_endpoint: endpoint } = await discover(issuer);
  return {
    program: await createProgram(issuer, id, Number(new URL(baseUrl).port)),
    openedUrl: () =>
      pollUntil('an opened address', () => existsSync(opened) && readFileSync(opened, 'utf8'), OPEN_TIMEOUT_MS).catch(
        (error: unknown) => {
          throw new Error(
            `${String(error)}: ${existsSync(errors) ? readFileSync(errors, 'utf8') : `${command} not run`}`,
          );
        },
      ),
    readClaims: async ({ accessToken }) => {
      const { name, preferred_username } = await readUserInfo(endpoint, accessToken);
      return { name, preferred_username };
    },
    stop: () => {
      process.env['PATH'] = path;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
