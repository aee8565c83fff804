import Router from '@koa/router';
import { z } from 'zod';

const PROVIDER_ROUTER = new URL('../../node_modules/oidc-provider/lib/helpers/router.js', import.meta.url).href;
const VERBS = ['get', 'post', 'put', 'delete', 'options'] as const;

/**
 * Records the routes of a service during its creation. They are read from our routers and the router of the provider, so that
 * the list is complete.
 *
 * @returns `GET /account`, sorted
 */
export async function recordRoutes(work: () => Promise<unknown>): Promise<string[]> {
  const found = new Set<string>();
  const undo = [watchOurs(found), ...(await watchProvider(found))];
  try {
    await work();
  } finally {
    for (const restore of undo) restore();
  }
  return [...found].sort();
}

/** Records the stack of each Koa router when its middleware is created. */
function watchOurs(found: Set<string>): () => void {
  return replace(
    Router.prototype,
    'routes',
    (original) =>
      function watched(this: Router) {
        for (const { methods, path } of this.stack) {
          for (const method of methods) if (method !== 'HEAD') found.add(`${method} ${String(path)}`);
        }
        return original.call(this);
      },
  );
}

/** Records the calls of `get(name, path, …)` and similar methods of the provider's router. */
async function watchProvider(found: Set<string>): Promise<(() => void)[]> {
  const loaded: unknown = await import(PROVIDER_ROUTER);
  const prototype = prototypeOf(loaded);
  return VERBS.map((verb) =>
    replace(
      prototype,
      verb,
      (original) =>
        function watched(this: object, name: string, path: string, ...rest: unknown[]) {
          found.add(`${verb.toUpperCase()} ${path}`);
          return original.apply(this, [name, path, ...rest]);
        },
    ),
  );
}

type Method = (this: object, ...args: unknown[]) => unknown;
const method = z.custom<Method>((value) => typeof value === 'function', 'a router has moved');

/** Replaces a method. @returns the function that restores it */
function replace(prototype: object, name: string, make: (original: Method) => object): () => void {
  const original = method.parse(Reflect.get(prototype, name));
  Reflect.set(prototype, name, make(original));
  return () => {
    Reflect.set(prototype, name, original);
  };
}

function prototypeOf(loaded: unknown): object {
  if (typeof loaded === 'object' && loaded !== null && 'default' in loaded && typeof loaded.default === 'function') {
    const prototype: unknown = loaded.default.prototype;
    if (typeof prototype === 'object' && prototype !== null) return prototype;
  }
  throw new Error('oidc-provider: the router has moved');
}
