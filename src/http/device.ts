import type { DevicePages } from '../oidc/deps.ts';
import type { Pages } from './pages.ts';

/** Where the form of the device flow is posted; the provider's own route. */
const ACTION = '/device';

/** The three pages on the phone while a television waits (RFC 8628, section 3.3). */
export function createDevicePages(pages: Pages): DevicePages {
  return {
    code: (ctx, xsrf, problem) => {
      const typed = ctx.oidc.params?.['user_code'];
      const values = { action: ACTION, xsrf, userCode: typeof typed === 'string' ? typed : '', errors: {} };
      if (problem === 'aborted') {
        pages.show(ctx, 'device/code', { ...values, userCode: '', alert: pages.t(ctx, 'device.code.aborted') });
      } else if (problem === 'wrong') {
        pages.show(ctx, 'device/code', { ...values, errors: { user_code: pages.t(ctx, 'device.code.wrong') } }, 422);
      } else {
        // A code that came in the address needs no typing; whether it is the one on the device is asked on the next page.
        pages.show(ctx, 'device/code', { ...values, send: values.userCode !== '' });
      }
    },
    confirm: (ctx, xsrf, clientId, userCode) => {
      pages.show(ctx, 'device/confirm', {
        action: ACTION,
        xsrf,
        userCode,
        app: { name: pages.appName(ctx, clientId) },
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
