/** The link that takes back a change of the email address, at the same moment as another request of the account. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import { LOGIN } from '../helpers/authorization-flow.ts';
import { listAuditEvents, signInToAccount } from '../helpers/city.ts';
import { createHttpBrowser, type Answer, type HttpBrowser, noticeOf } from '../helpers/http-browser.ts';
import { linkIn } from '../helpers/mail.ts';
import { getPersonFacts } from '../helpers/people.ts';
import { pollUntil } from '../helpers/poll.ts';
import { useNodesWithMail } from './nodes-with-mail.ts';

const OWNER_PASSWORD = '小溪邊的石頭會唱歌給月亮聽 7';
const THIEF_PASSWORD = '山頂的風把雲吹成一匹白馬 8';

describe('the link to the former email address on two nodes', () => {
  const on = useNodesWithMail();

  const findLink = async (to: string, path: string): Promise<string> => {
    const text = await pollUntil(`a mail with ${path}`, () =>
      on.mail
        .messages()
        .filter(({ to: receivers }) => receivers.includes(to))
        .map((message) => message.text)
        .find((message) => message.includes(`${on.nodes.issuer}${path}`)),
    );
    return linkIn({ text: text.slice(text.indexOf(`${on.nodes.issuer}${path}`)) });
  };
  /** A thief with a session changes the email address. @returns the session, and the page of the link in two browsers of the owner */
  const change = async (login: string, next: string) => {
    const { httpBrowser: thief } = await signInToAccount(on.nodes, login, DEMO_PASSWORD);
    await thief.post('/account/contacts/email', new URLSearchParams({ email: next }));
    const confirmed = await thief.submit(await thief.open(await findLink(next, '/account/email/confirm')), {});
    assert.match(noticeOf(confirmed.body), /電子郵件地址已變更/);
    const link = await findLink(login, '/account/email/revert');
    const owners = [createHttpBrowser(on.nodes.issuer), createHttpBrowser(on.nodes.issuer)] as const;
    const pages = await Promise.all([owners[0].open(link), owners[1].open(link)]);
    return { thief, owners, pages };
  };
  const emailsOf = async (login: string): Promise<string[]> =>
    (await getPersonFacts(on.database, login)).identifiers.flatMap(({ kind, value }) =>
      kind === 'email' ? [value] : [],
    );
  const setPassword = (owner: HttpBrowser, page: Answer): Promise<Answer> =>
    owner.submit(page, { new_password: OWNER_PASSWORD, confirm_password: OWNER_PASSWORD });
  const isAccepted = async (login: string, password: string): Promise<boolean> =>
    (await signInToAccount(on.nodes, login, password)).answer.status === 200;

  it('takes the change back once when it is used twice', async () => {
    const { owners, pages } = await change(LOGIN.G2, 'thief.g2@mail.example');
    const answers = await Promise.all([owners[0].submit(pages[0], {}), owners[1].submit(pages[1], {})]);
    assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 410]);
    const winner = answers[0].status === 200 ? 0 : 1;
    assert.match(answers[winner].url, /\/reset-password$/);
    const events = await listAuditEvents(on.database, 'G2');
    assert.equal(events.filter((event) => event === 'identifier.reverted').length, 1);
    assert.deepEqual(await emailsOf(LOGIN.G2), [LOGIN.G2]);
    assert.equal((await setPassword(owners[winner], answers[winner])).status, 200);
    assert.equal(await isAccepted(LOGIN.G2, OWNER_PASSWORD), true);
  });

  it('wins against a new password and another new address of the thief', async () => {
    const next = 'thief.g4@mail.example';
    const { thief, owners, pages } = await change(LOGIN.G4, next);
    const form = await thief.open('/account/password');
    await thief.post('/account/contacts/email', new URLSearchParams({ email: 'thief2.g4@mail.example' }));
    const confirmation = await thief.open(await findLink('thief2.g4@mail.example', '/account/email/confirm'));
    const [reverted] = await Promise.all([
      owners[0].submit(pages[0], {}),
      thief.submit(form, {
        ...{ current_password: DEMO_PASSWORD, new_password: THIEF_PASSWORD, confirm_password: THIEF_PASSWORD },
      }),
      thief.submit(confirmation, {}),
    ]);
    assert.match(reverted.url, /\/reset-password$/);
    assert.deepEqual(await emailsOf(LOGIN.G4), [LOGIN.G4]);
    for (const password of [DEMO_PASSWORD, THIEF_PASSWORD]) assert.equal(await isAccepted(LOGIN.G4, password), false);
    assert.match((await thief.open('/account')).url, /\/interaction\//, 'the session of the thief has ended');
    assert.equal((await setPassword(owners[0], reverted)).status, 200);
    assert.equal(await isAccepted(LOGIN.G4, OWNER_PASSWORD), true);
    assert.equal(await isAccepted(LOGIN.G4, THIEF_PASSWORD), false);
  });
});
