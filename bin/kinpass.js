#!/usr/bin/env node
// Plain JavaScript on purpose: an old Node must be able to read this file and say what to do.
const [major = 0] = process.versions.node.split('.').map(Number);
if (major < 24) {
  process.stderr.write(
    `Kinpass needs Node 24 or newer; this is ${process.version}. On Linux "npm ci" brings Node 24 along: use "npm start" or "npm run demo".\n`,
  );
  process.exit(1);
}
const { enableCompileCache } = await import('node:module');
// What was compiled once is not compiled again: a quarter of the time to ready. Where the folder can not be written, nothing is kept.
enableCompileCache(new URL('../node_modules/.cache/kinpass', import.meta.url).pathname);
const [command, ...args] = process.argv.slice(2);
if (command === 'demo') {
  const { runDemo } = await import('../demo/run.ts');
  await runDemo(args);
} else {
  const { run } = await import('../src/cli/kinpass.ts');
  await run(process.argv.slice(2));
}
