import { registerHooks } from 'node:module';

/*
 * Preloaded in each process of a test run (`node --import`). For each module, Node parses the `exports` of its package. Those of
 * drizzle-orm have 180 KB and 140 modules are loaded, which takes half a second. Its relative imports need no `exports`.
 */

const PACKAGE = new URL('../node_modules/drizzle-orm/', import.meta.url).href;

registerHooks({
  resolve: (specifier, context, nextResolve) => {
    const { parentURL = '' } = context;
    const isModule = parentURL.startsWith(PACKAGE) && [specifier, parentURL].every((name) => name.endsWith('.js'));
    if (!isModule || !specifier.startsWith('.')) return nextResolve(specifier, context);
    return { url: new URL(specifier, parentURL).href, format: 'module', shortCircuit: true };
  },
});
