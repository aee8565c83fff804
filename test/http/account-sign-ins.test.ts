import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import { LOGIN } from '../helpers/authorization-flow.ts';
import { signInToAccount } from '../helpers/city.ts';
import { freezeTime, HOUR, type FrozenTime } from '../helpers/frozen-time.ts';
import { createHttpBrowser, textOf } from '../helpers/http-browser.ts';
import { eachService } from '../helpers/service-matrix.ts';

const CHROME =
  'Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36';
let time: FrozenTime;

before(() => {
  time = freezeTime();
});
after(() => {
  time.release();
});

eachService(
  'the sign-in history',
  () => ({ clients: [] }),
  (running) => {
    it('shows own sign-ins with cause and device, newest first, without addresses', async () => {
      const browser = createHttpBrowser(running().issuer, 'zh-TW', { 'user-agent': CHROME });
      const wrong = await browser.submit(await browser.open('/account'), { login: LOGIN.G2, password: 'wrong' });
      await browser.submit(wrong, { login: LOGIN.G2, password: DEMO_PASSWORD });
      const { httpBrowser } = await signInToAccount(running(), LOGIN.G2);
      const text = textOf((await httpBrowser.open('/account/sign-ins')).body);
      assert.match(text, /登入成功.*登入失敗：密碼不正確/);
      assert.match(text, /裝置 Android 上的 Chrome/);
      assert.doesNotMatch(text, /127\.0\.0\.1|::1/);
      const other = await signInToAccount(running(), LOGIN.G5);
      assert.doesNotMatch(textOf((await other.httpBrowser.open('/account/sign-ins')).body), /登入失敗/);
    });

    it('has pages of 20 with keys, and shows the first page for an invalid key', async () => {
      for (let i = 0; i < 25; i += 1) {
        time.advance(HOUR);
        await signInToAccount(running(), LOGIN.T2, i % 2 === 0 ? 'wrong' : undefined);
      }
      time.advance(HOUR);
      const { httpBrowser } = await signInToAccount(running(), LOGIN.T2);
      const first = await httpBrowser.open('/account/sign-ins');
      const rows = (body: string): number => body.split('class="row"').length - 1;
      assert.equal(rows(first.body), 20);
      const next = /href="(\/account\/sign-ins\?before=\d+)"/.exec(first.body)?.[1] ?? '';
      const second = await httpBrowser.open(next);
      assert.equal(rows(second.body), 6);
      assert.doesNotMatch(second.body, /rel="next"/);
      assert.equal(rows((await httpBrowser.open('/account/sign-ins?before=x')).body), 20);
    });
  },
);
