import { ConfigError, readConfig, type RelyingPartyConfig } from './config.ts';
import { log } from './log.ts';
import type { RelyingParty } from './app.ts';

/** Runs a relying party with settings from the environment. An invalid setting ends it with one line. */
export async function run(name: string, create: (config: RelyingPartyConfig) => Promise<RelyingParty>): Promise<void> {
  try {
    const party = await create(readConfig(process.env));
    await party.listen();
    log(name, `ready on ${party.config.baseUrl}, signs in at ${party.config.issuer}`);
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void party.close());
  } catch (error) {
    const known = error instanceof ConfigError || (error instanceof Error && 'code' in error);
    process.stderr.write(`${name}: cannot start: ${known ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
