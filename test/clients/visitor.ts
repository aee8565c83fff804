import assert from 'node:assert/strict';

import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import { interactionOf, LOGIN } from '../helpers/authorization-flow.ts';
import { createHttpBrowser, textOf, type Answer } from '../helpers/http-browser.ts';

/** The claims of the person who signs in, except `sub`. */
export const PERSON = { name: '林志豪', preferred_username: 'zhihao.lin' };

/** A person with a browser that follows redirects between the service and apps. */
export interface Visitor {
  open(url: string): Promise<Answer>;
  /** Submits a form of an app. */
  post(url: string, fields: Record<string, string>): Promise<Answer>;
  /** Completes the sign-in and consent pages. */
  completeSignIn(page: Answer): Promise<Answer>;
  /** Completes the sign-out page. */
  completeSignOut(page: Answer): Promise<Answer>;
}

export function createVisitor(issuer: string): Visitor {
  const httpBrowser = createHttpBrowser(issuer);
  const follow = async (first: Answer): Promise<Answer> => {
    let answer = first;
    while (answer.leavesTo !== undefined) answer = await httpBrowser.open(answer.leavesTo.href);
    return answer;
  };
  const submit = async (page: Answer, fields: Record<string, string>): Promise<Answer> =>
    follow(await httpBrowser.submit(page, fields));
  const completeSignIn: Visitor['completeSignIn'] = async (page) => {
    const interaction = interactionOf(page);
    if (interaction === 'login')
      return completeSignIn(await submit(page, { login: LOGIN.T2, password: DEMO_PASSWORD }));
    return interaction === 'consent' ? completeSignIn(await submit(page, { consent: 'accept' })) : page;
  };
  return {
    open: async (url) => follow(await httpBrowser.open(url)),
    post: async (url, fields) =>
      follow(await httpBrowser.post(url, new URLSearchParams(fields), { origin: new URL(url).origin })),
    completeSignIn,
    completeSignOut: (page) => {
      assert.equal(new URL(page.url).origin, issuer, textOf(page.body).slice(0, 300));
      return submit(page, { logout: 'yes' });
    },
  };
}
