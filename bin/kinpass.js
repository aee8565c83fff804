#!/usr/bin/env node
// Plain JavaScript on purpose: an old Node must be able to read this file and say what to do.
const [major = 0] = process.versions.node.split('.').map(Number);
if (major < 24) {
  process.stderr.write(
    `Kinpass needs Node 24 or newer; this is ${process.version}. On Linux "npm ci" brings Node 24 along: use "npm start" or "npm run demo".\n`,
  );
  process.exit(1);
}
// SIGUSR1 opens Node's inspector for everybody on this machine, and SIGUSR2 ends the process without a drain. A listener prevents
// both; --disable-sigusr1 (npm start, Dockerfile) also covers the moment before this line.
for (const signal of ['SIGUSR1', 'SIGUSR2']) process.on(signal, () => undefined);
const { enableCompileCache, registerHooks } = await import('node:module');
const { fileURLToPath } = await import('node:url');
// What was compiled once is not compiled again: a quarter of the time to ready. Where the folder can not be written, nothing is kept.
enableCompileCache(fileURLToPath(new URL('../node_modules/.cache/kinpass', import.meta.url)));
// Node reads drizzle's package.json, 180 kB, anew for the format of each of its files: half of what a start costs. Here it is told.
registerHooks({
  resolve: (specifier, context, next) =>
    specifier.startsWith('.') && context.parentURL?.includes('/node_modules/drizzle-orm/')
      ? { url: new URL(specifier, context.parentURL).href, format: 'module', shortCircuit: true }
      : next(specifier, context),
});
const { run } = await import('../src/cli/kinpass.ts');
await run(process.argv.slice(2));
