/** A device code is approved once (RFC 8628, section 3.3), also if several browsers submit the form at the same moment. */
import assert from 'node:assert/strict';
import { before, it } from 'node:test';

import * as client from 'openid-client';

import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import { runAuthorization, idClaims, LOGIN, redeem } from '../helpers/authorization-flow.ts';
import { createHttpBrowser, textOf, type HttpBrowser } from '../helpers/http-browser.ts';
import { createParty, newSecret, createRegistration, type TestParty } from '../helpers/relying-party.ts';
import { eachService } from '../helpers/service-matrix.ts';

const ROUNDS = 10;
const secret = newSecret();
const options = () => ({
  clients: [createRegistration('television', secret, { scopes: ['openid'], device_flow: true })],
});

eachService('a device code that two people approve at the same moment', options, (running) => {
  let television: TestParty;
  const phones: { httpBrowser: HttpBrowser; sub: unknown }[] = [];
  before(async () => {
    const { issuer } = running();
    television = await createParty(issuer, { id: 'television', secret, scope: 'openid' });
    phones.length = 0;
    for (const login of [LOGIN.T1, LOGIN.T2]) {
      const httpBrowser = createHttpBrowser(issuer);
      const entered = await runAuthorization(television, httpBrowser, { login, password: DEMO_PASSWORD });
      phones.push({ httpBrowser, sub: idClaims((await redeem(television, entered)).body)['sub'] });
    }
  });

  it('connects the device to the person whose page confirms it', async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const shown = await client.initiateDeviceAuthorization(television.config, { scope: 'openid' });
      const open = await Promise.all(
        phones.map(async ({ httpBrowser }) => {
          return {
            httpBrowser,
            page: await httpBrowser.submit(await httpBrowser.open('/device'), { user_code: shown.user_code }),
          };
        }),
      );
      const answers = await Promise.all(
        open.map(({ httpBrowser, page }) => httpBrowser.submit(page, { confirm: 'yes' })),
      );
      const connected = answers.map(({ body }) => textOf(body).includes('裝置已連結'));
      assert.equal(connected.filter((one) => one).length, 1, answers.map(({ status }) => status).join(' '));
      const tokens = await client.genericGrantRequest(
        television.config,
        'urn:ietf:params:oauth:grant-type:device_code',
        { device_code: shown.device_code },
      );
      assert.equal(idClaims(tokens)['sub'], phones[connected.indexOf(true)]?.sub);
    }
  });
});
