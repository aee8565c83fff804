#!/usr/bin/env node
// Plain JavaScript on purpose: an old Node must be able to read this file and say what to do.
const [major = 0] = process.versions.node.split('.').map(Number);
if (major < 24) {
  process.stderr.write(
    `Kinpass needs Node 24 or newer; this is ${process.version}. On Linux "npm ci" brings Node 24 along: use "npm start" or "npm run demo".\n`,
  );
  process.exit(1);
}
const [command, ...args] = process.argv.slice(2);
if (command === 'demo') {
  const { runDemo } = await import('../demo/run.ts');
  await runDemo(args);
} else {
  const { run } = await import('../src/cli/kinpass.ts');
  await run(process.argv.slice(2));
}
