import { CookieJar } from 'tough-cookie';

/** The response after all redirects inside the service. */
export interface Answer {
  status: number;
  url: string;
  headers: Headers;
  body: string;
  /** The target of a redirect to another origin, such as a relying party. */
  leavesTo: URL | undefined;
}

/** An HTTP client that keeps cookies, follows redirects and sends forms like a browser. */
export interface HttpBrowser {
  jar: CookieJar;
  open(url: string, headers?: Record<string, string>): Promise<Answer>;
  /** Submits the form of a page with these fields. */
  submit(page: Answer, fields: Record<string, string>, headers?: Record<string, string>): Promise<Answer>;
  post(url: string, body: string | URLSearchParams, headers?: Record<string, string>): Promise<Answer>;
  /** Posts a body of another type, such as a form with files. */
  postBytes(url: string, body: Uint8Array<ArrayBuffer>, contentType: string): Promise<Answer>;
}

const MAX_REDIRECTS = 12;

/** @param always headers of every request, also after a redirect, such as those of a proxy */
export function createHttpBrowser(
  issuer: string,
  language = 'zh-TW',
  always: Record<string, string> = {},
): HttpBrowser {
  const jar = new CookieJar(undefined, { looseMode: false });
  const { origin } = new URL(issuer);
  const once = async (url: string, init: RequestInit): Promise<Response> => {
    const headers = new Headers({ ...always, ...Object.fromEntries(new Headers(init.headers)) });
    const cookies = await jar.getCookieString(url);
    if (cookies !== '') headers.set('cookie', cookies);
    if (!headers.has('accept')) headers.set('accept', 'text/html');
    if (!headers.has('accept-language')) headers.set('accept-language', language);
    const response = await fetch(url, { ...init, headers, redirect: 'manual' });
    for (const cookie of response.headers.getSetCookie()) await jar.setCookie(cookie, url);
    return response;
  };
  const follow = async (first: string, init: RequestInit): Promise<Answer> => {
    let url = first;
    let response = await once(url, init);
    for (let i = 0; i < MAX_REDIRECTS; i += 1) {
      const location = response.headers.get('location');
      if (location === null) break;
      await response.arrayBuffer();
      const next = new URL(location, url);
      if (next.origin !== origin) {
        return { status: response.status, url, headers: response.headers, body: '', leavesTo: next };
      }
      url = next.href;
      response = await once(url, {});
    }
    return {
      status: response.status,
      url,
      headers: response.headers,
      body: await response.text(),
      leavesTo: undefined,
    };
  };
  const send = (
    url: string,
    body: string | Uint8Array<ArrayBuffer>,
    headers: Record<string, string>,
  ): Promise<Answer> =>
    follow(new URL(url, issuer).href, {
      method: 'POST',
      body,
      headers: { origin, 'sec-fetch-site': 'same-origin', ...headers },
    });
  const post: HttpBrowser['post'] = (url, body, headers) =>
    send(url, body.toString(), { 'content-type': 'application/x-www-form-urlencoded', ...headers });
  return {
    jar,
    open: (url, headers) => follow(new URL(url, issuer).href, headers === undefined ? {} : { headers }),
    post,
    postBytes: (url, body, contentType) => send(url, body, { 'content-type': contentType }),
    submit: (page, fields, headers) => {
      const { action, hidden } = formOf(page.body);
      return post(new URL(action, page.url).href, new URLSearchParams({ ...hidden, ...fields }), headers);
    },
  };
}

/** Returns the action and the hidden fields of the first POST form of a page. */
export function formOf(html: string): { action: string; hidden: Record<string, string> } {
  const action = /<form[^>]*method="post"[^>]*action="([^"]*)"/.exec(html)?.[1];
  if (action === undefined) throw new Error(`no form on this page: ${textOf(html).slice(0, 200)}`);
  const hidden = [...html.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g)].map(
    ([, name = '', value = '']): [string, string] => [name, decode(value)],
  );
  return { action: decode(action), hidden: Object.fromEntries(hidden) };
}

/** Returns the text of a page. */
export function textOf(html: string): string {
  return decode(html.replace(/<(script|style)[\s\S]*?<\/\1>|<[^>]*>/g, ' ')).replace(/\s+/g, ' ');
}

/** Returns the text of a page without the error code, which each response has of its own. */
export function textWithoutErrorCode(html: string): string {
  return textOf(html.replace(/<code>[^<]*<\/code>/, ''));
}

/** Returns the text of `[role="alert"]`; empty if there is none. */
export function alertOf(html: string): string {
  const found = /<div[^>]*role="alert"[\s\S]*?(?=<form)/.exec(html);
  // A link inside a sentence adds no space.
  return found === null ? '' : textOf(found[0].replace(/<\/?a\b[^>]*>/g, '')).trim();
}

/** Returns the text of the notice about the last form; empty if there is none. */
export function noticeOf(html: string): string {
  const found = /<div class="notice" role="status"[\s\S]*?<\/div>/.exec(html);
  return found === null ? '' : textOf(found[0]).trim();
}

function decode(text: string): string {
  return text
    .replaceAll('&quot;', '"')
    .replaceAll('&#34;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&');
}
