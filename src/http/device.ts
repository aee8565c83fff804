import type { DevicePages } from '../oidc/deps.ts';
import { OTHER_ACCOUNT } from '../oidc/options/device-flow.ts';
import type { HttpDeps } from './deps.ts';
import { throttledText } from './throttled.ts';

/** Where the form of the device flow is posted; the provider's own route. */
const ACTION = '/device';

export type DeviceDeps = Pick<HttpDeps, 'pages' | 'i18n' | 'clock' | 'people'>;

/** The three pages on the phone while a television waits (RFC 8628, section 3.3). */
export function createDevicePages(deps: DeviceDeps): DevicePages {
  const { pages, people } = deps;
  return {
    code: (ctx, xsrf, problem) => {
      const typed = ctx.oidc.params?.['user_code'];
      const values = { action: ACTION, xsrf, userCode: typeof typed === 'string' ? typed : '', errors: {} };
      switch (problem?.kind) {
        case 'aborted':
          pages.show(ctx, 'device/code', { ...values, userCode: '', alert: pages.t(ctx, 'device.code.aborted') });
          return;
        case 'wrong':
          pages.show(ctx, 'device/code', { ...values, errors: { user_code: pages.t(ctx, 'device.code.wrong') } }, 422);
          return;
        case 'throttled': {
          const alert = throttledText(deps, ctx, problem.until, 'device.code.tooMany');
          pages.show(ctx, 'device/code', { ...values, alert }, 429);
          return;
        }
        case undefined:
          // A code that came in the address needs no typing; whether it is the one on the device is asked on the next page.
          pages.show(ctx, 'device/code', { ...values, send: values.userCode !== '' });
      }
    },
    confirm: async (ctx, xsrf, clientId, userCode) => {
      const personId = ctx.oidc.session?.accountId;
      const facts = personId === undefined ? undefined : await people.activeFacts(personId);
      pages.show(ctx, 'device/confirm', {
        action: ACTION,
        xsrf,
        userCode,
        app: { name: pages.appName(ctx, clientId) },
        account: facts && { name: facts.name, login: await people.loginOf(facts.id) },
        otherAccount: OTHER_ACCOUNT,
      });
    },
    done: (ctx, clientId) => {
      pages.show(ctx, 'device/done', { app: { name: pages.appName(ctx, clientId) } });
    },
    expired: (ctx) => {
      pages.message(ctx, 'expired', { status: 410, again: ACTION });
    },
  };
}
