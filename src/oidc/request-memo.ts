/** Loads a value at most once per request and key. Calls `load` each time outside a request. */
export type RequestMemo<T> = (request: object | undefined, key: string, load: () => Promise<T>) => Promise<T>;

export function createRequestMemo<T>(): RequestMemo<T> {
  const byRequest = new WeakMap<object, Map<string, Promise<T>>>();
  return (request, key, load) => {
    if (request === undefined) return load();
    const values = byRequest.get(request) ?? new Map<string, Promise<T>>();
    byRequest.set(request, values);
    const value = values.get(key) ?? load();
    values.set(key, value);
    return value;
  };
}
