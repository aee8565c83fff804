/** Campus payment with a test issuer. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { browser, childrenShown, post, useExampleApps, type Init } from './examples-apps.ts';

const apps = useExampleApps();

describe('payment', () => {
  /** Opens the bill of a child. Each test uses another child, because a paid bill stays paid. */
  async function openBill(child: string) {
    apps().issuer.acting = { role: 'parent', child, ctx: `ctx-${child}` };
    const tab = browser(apps().payment);
    const list = await tab.signIn();
    const path = /\/c\/ctx-child-\w\/bills\/\w+/.exec(list.html)?.[0] ?? '';
    const bill = await tab.open(path);
    return { tab, path, bill, csrf: /name="csrf" value="([^"]+)"/.exec(bill.html)?.[1] ?? '' };
  }
  it('pays once, for both guardians', async () => {
    const { tab, path, csrf, bill } = await openBill('child-a');
    assert.match(bill.html, /data-bill-state="unpaid"/);
    const pages = await Promise.all([tab.open(path, post({ csrf })), tab.open(path, post({ csrf }))]);
    const receipts = pages.map(({ html }) => /R\d{8}/.exec(html)?.[0]);
    assert.ok(receipts[0] && receipts[0] === receipts[1]);
    const other = browser(apps().payment);
    await other.signIn();
    assert.match((await other.open(path)).html, /data-bill-state="paid"/);
  });
  it('requires a recent sign-in and then a confirmation', async () => {
    apps().issuer.authAge = 400;
    const { tab, path, csrf } = await openBill('child-b');
    apps().issuer.authAge = 0;
    const back = await tab.open(path, post({ csrf }));
    assert.equal(apps().issuer.asked.at(-1)?.get('max_age'), '300');
    assert.match(apps().issuer.asked.at(-1)?.get('claims') ?? '', /child-b/);
    assert.equal(back.path, `${path}?confirm=1`);
    assert.ok(back.html.includes('再按一次確認繳費') && back.html.includes('data-bill-state="unpaid"'));
    assert.match((await tab.open(path, post({ csrf }))).html, /data-bill-state="paid"/);
  });
  it('opens a bill of another child in the context of that child', async () => {
    apps().issuer.acting = { role: 'parent', child: 'child-c', ctx: 'ctx-child-c' };
    const tab = browser(apps().payment);
    await tab.signIn();
    const { html } = await tab.open('/c/ctx-child-c/family');
    const link = /\/switch\?child=child-d&amp;open=bills%2F\w+/.exec(html)?.[0].replace('&amp;', '&') ?? '';
    const bill = await tab.open(link);
    assert.match(bill.path, /^\/c\/ctx-child-d\/bills\/\w+$/);
    assert.deepEqual(childrenShown(bill.html), ['王小平']);
  });
  it('refuses a cross-site form', async () => {
    const { tab, path, csrf } = await openBill('child-c');
    const attempts = [post({}), post({ csrf: 'x' }), post({ csrf }, { origin: 'https://elsewhere.example' })];
    for (const attempt of attempts) assert.equal((await tab.open(path, attempt)).status, 403);
    assert.match((await tab.open(path)).html, /data-bill-state="unpaid"/);
  });
  it('shows who paid, and leads from the receipt to the next bill', async () => {
    const { tab, path, csrf } = await openBill('child-c');
    const receipt = await tab.open(path, post({ csrf }));
    assert.match(receipt.html, /<dt>繳費人<\/dt><dd>&lt;b&gt;李美玲/);
    assert.match(receipt.html, /示範國中<\/p>/);
    const next = /id="next" href="([^"]+)"/.exec(receipt.html)?.[1] ?? '';
    assert.match((await tab.open(next)).html, /data-bill-state="unpaid"[\s\S]*替王小和繳費/);
  });
  it('shows bills without fees:pay and explains the missing button', async () => {
    apps().issuer.permissions = ['fees:read'];
    const { tab, path, bill } = await openBill('child-d');
    assert.ok(bill.html.includes('繳費不在您的權限內') && !bill.html.includes('name="csrf"'));
    assert.equal((await tab.open(path, post({ csrf: 'x' }))).status, 403);
  });
  describe('for all children', () => {
    const formOf = (html: string): [string, string][] =>
      [...html.matchAll(/name="(csrf|bill)" value="([^"]+)"/g)].map(([, name = '', value = '']) => [name, value]);
    const send = (form: [string, string][]): Init => ({ method: 'POST', body: new URLSearchParams(form) });
    async function openFamily() {
      const tab = browser(apps().payment);
      await tab.signIn();
      return { tab, page: await tab.open('/c/ctx-child-a/family') };
    }
    it('refuses a cross-site form, and bills that this person may not pay', async () => {
      const { tab, page } = await openFamily();
      const form = formOf(page.html);
      const attempts = [
        form.filter(([name]) => name === 'bill'),
        [...form, ['bill', 'lunch/stranger'] as [string, string]],
      ];
      for (const attempt of attempts)
        assert.equal((await tab.open('/c/ctx-child-a/family', send(attempt))).status, 403);
      apps().issuer.permissions = ['fees:read'];
      const reader = await openFamily();
      assert.ok(!reader.page.html.includes('name="csrf"') && reader.page.html.includes('繳費不在您的權限內'));
      assert.equal((await reader.tab.open('/c/ctx-child-a/family', send(form))).status, 403);
    });
    it('asks for a recent sign-in once, pays all bills once, and shows their receipts', async () => {
      apps().issuer.authAge = 400;
      const { tab, page } = await openFamily();
      assert.deepEqual(childrenShown(page.html), ['王小安', '王小樂', '王小和', '王小平']);
      apps().issuer.authAge = 0;
      const form = formOf(page.html);
      const back = await tab.open('/c/ctx-child-a/family', send(form));
      assert.equal(apps().issuer.asked.at(-1)?.get('max_age'), '300');
      assert.equal(back.path, '/c/ctx-child-a/family?confirm=1');
      assert.deepEqual(formOf(back.html), form);
      const paid = await tab.open('/c/ctx-child-a/family', send(form));
      assert.match(paid.path, /^\/c\/ctx-child-a\/family\/payments\/[\w-]{16}$/);
      assert.equal(new Set(paid.html.match(/R\d{8}/g)).size, form.length - 1);
      assert.equal((await tab.open('/c/ctx-child-a/family', send(form))).path, paid.path);
      assert.ok((await tab.open('/c/ctx-child-a/family')).html.includes('目前沒有待繳的費用。'));
    });
  });
});
