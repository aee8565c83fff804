import Router from '@koa/router';
import { z } from 'zod';

const PROVIDER_ROUTER = new URL('../../node_modules/oidc-provider/lib/helpers/router.js', import.meta.url).href;
const VERBS = ['get', 'post', 'put', 'delete', 'options'] as const;

/**
 * Lists the routes of a service while it is put together: every one that our routers and the provider's router take. They are
 * read from the routers themselves, so nothing can be forgotten.
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

/** A router hands its middleware over when it is mounted; its stack holds what it serves. */
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

/** The provider has a router of its own, with `get(name, path, …)` and the like. */
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

/** Puts another method in the place of one. @returns what puts the old one back */
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
