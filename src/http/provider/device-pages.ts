import type { DevicePages } from '../../oidc/deps.ts';
import { OTHER_ACCOUNT } from '../../oidc/options/device-flow.ts';
import { ROUTES } from '../../oidc/routes.ts';
import type { HttpDeps } from '../deps.ts';
import {
  findMarkedRejection,
  redirectRejected,
  REJECTED,
  type FormPage,
  type Rejection,
} from '../forms/rejected-form.ts';
import { throttledText } from '../forms/password-form.ts';
import { findNamedAccount } from '../named-account.ts';

export type DeviceDeps = Pick<HttpDeps, 'pages' | 'i18n' | 'clock' | 'people' | 'secrets'>;

const CODE_PAGE: FormPage = { path: ROUTES.codeVerification, owner: 'device' };

/** The pages of the browser while the device waits (RFC 8628, section 3.3). */
export function createDevicePages(deps: DeviceDeps): DevicePages {
  const { pages } = deps;
  return {
    code: (ctx, xsrf, problem) => {
      const sent = ctx.oidc.params?.['user_code'];
      const values = {
        action: ROUTES.codeVerification,
        xsrf,
        userCode: typeof sent === 'string' ? sent : '',
        errors: {},
      };
      const reject = (rejection: Rejection): void => {
        redirectRejected(deps, ctx, CODE_PAGE, { ...rejection, values: { userCode: values.userCode } }, REJECTED);
      };
      switch (problem?.kind) {
        case 'wrong':
          reject({ status: 422, errors: { user_code: pages.t(ctx, 'device.code.wrong') } });
          return;
        case 'throttled':
          reject({ status: 429, alert: throttledText(deps, ctx, problem.until, 'device.code.tooMany') });
          return;
        case undefined: {
          const { status, values: typed, ...shown } = findMarkedRejection(deps, ctx, CODE_PAGE) ?? { status: 200 };
          const userCode = typed?.['userCode'] ?? values.userCode;
          // A code in the URL needs no input. The next page asks whether it is the code on the device.
          const autoSubmit = typed === undefined && userCode !== '';
          const { alert, errors = {} } = shown;
          pages.show(ctx, 'device/code', { ...values, alert, errors, userCode, autoSubmit }, status);
        }
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
