import type { DevicePages } from '../../oidc/deps.ts';
import { OTHER_ACCOUNT } from '../../oidc/options/device-flow.ts';
import { ROUTES } from '../../oidc/routes.ts';
import type { HttpDeps } from '../deps.ts';
import { throttledText } from '../forms/password-form.ts';
import { findNamedAccount } from '../named-account.ts';

export type DeviceDeps = Pick<HttpDeps, 'pages' | 'i18n' | 'clock' | 'people'>;

/** The pages of the browser while the device waits (RFC 8628, section 3.3). */
export function createDevicePages(deps: DeviceDeps): DevicePages {
  const { pages } = deps;
  return {
    code: (ctx, xsrf, problem) => {
      const typed = ctx.oidc.params?.['user_code'];
      const values = {
        action: ROUTES.codeVerification,
        xsrf,
        userCode: typeof typed === 'string' ? typed : '',
        errors: {},
      };
      switch (problem?.kind) {
        case 'wrong':
          pages.show(ctx, 'device/code', { ...values, errors: { user_code: pages.t(ctx, 'device.code.wrong') } }, 422);
          return;
        case 'throttled': {
          const alert = throttledText(deps, ctx, problem.until, 'device.code.tooMany');
          pages.show(ctx, 'device/code', { ...values, alert }, 429);
          return;
        }
        case undefined:
          // A code in the URL needs no input. The next page asks whether it is the code on the device.
          pages.show(ctx, 'device/code', { ...values, autoSubmit: values.userCode !== '' });
      }
    },
    confirm: async (ctx, xsrf, clientId, userCode) => {
      pages.show(ctx, 'device/confirm', {
        action: ROUTES.codeVerification,
        xsrf,
        userCode,
        app: { name: pages.appName(ctx, clientId) },
        account: await findNamedAccount(deps, ctx.oidc.session?.accountId),
        otherAccountValue: OTHER_ACCOUNT,
      });
    },
    done: async (ctx, clientId) => {
      const account = await findNamedAccount(deps, ctx.oidc.session?.accountId);
      pages.show(ctx, 'device/done', { app: { name: pages.appName(ctx, clientId) }, account });
    },
    denied: (ctx) => {
      ctx.state['pagePath'] = ROUTES.codeVerification;
      pages.show(ctx, 'message', {
        title: pages.t(ctx, 'device.denied.title'),
        text: pages.t(ctx, 'device.denied.text'),
        actions: [{ label: pages.t(ctx, 'device.denied.again'), href: ROUTES.codeVerification, primary: false }],
        status: 200,
      });
    },
    expired: (ctx) => {
      pages.message(ctx, 'expired', { status: 410, retryUrl: ROUTES.codeVerification });
    },
  };
}
