#!/usr/bin/env node
// Plain JavaScript, so that an old Node can run this file and print what to do.
const [major = 0] = process.versions.node.split('.').map(Number);
if (major < 24) {
  process.stderr.write(
    `Kinpass needs Node 24 or newer; this is ${process.version}. On Linux "npm ci" brings Node 24 along: use "npm start" or "npm run demo".\n`,
  );
  process.exit(1);
}
// SIGUSR1 opens Node's inspector for all users of this machine, and SIGUSR2 ends the process without a drain. A listener prevents both.
// The option --disable-sigusr1 (npm start, Dockerfile) also covers the time before this line.
for (const signal of ['SIGUSR1', 'SIGUSR2']) process.on(signal, () => undefined);
const { enableCompileCache, registerHooks } = await import('node:module');
const { fileURLToPath } = await import('node:url');
// Compiling takes a quarter of the start, so compiled code is cached. Without write access to the folder nothing is cached.
enableCompileCache(fileURLToPath(new URL('../node_modules/.cache/kinpass', import.meta.url)));
// States the module format of drizzle's files. Otherwise Node reads drizzle's package.json (180 kB) for each of them, half of the start.
registerHooks({
  resolve: (specifier, context, next) =>
    specifier.startsWith('.') && context.parentURL?.includes('/node_modules/drizzle-orm/')
      ? { url: new URL(specifier, context.parentURL).href, format: 'module', shortCircuit: true }
      : next(specifier, context),
});
const { run } = await import('../src/cli/kinpass.ts');
await run(process.argv.slice(2));
