import { setTimeout as delay } from 'node:timers/promises';
import Router from '@koa/router';
import type { Context } from 'koa';
import { z } from 'zod';
import { deviceOf } from '../account/device-name.ts';
import type { HttpDeps } from '../deps.ts';
import { field, parseForms, readForm } from '../forms/body.ts';
import {
  findMarkedRejection,
  redirectRejected,
  REJECTED,
  type FormPage,
  type Rejection,
} from '../forms/rejected-form.ts';
import { humanCheckField, rejectUnchecked } from '../forms/human-check.ts';

const PATH = '/forgot-account';
const form = z.object({ national_id: field, contact: field, ...humanCheckField });
type Typed = Pick<z.infer<typeof form>, 'national_id' | 'contact'>;

const PAGE: FormPage = { path: PATH, owner: 'forgot-account' };

/** Longer than sending the mail takes, so the response time does not show whether an account exists. */
const MIN_RESPONSE_MS = 300;

/** The page for people who have forgotten their account. The answer goes by mail only. */
export function createForgotAccountRouter(deps: HttpDeps): Router {
  const { accountReminder, pages, humanCheck } = deps;
  const router = new Router();
  const show = async (
    ctx: Context,
    { national_id, contact }: Typed,
    problem: Rejection & { humanCheck?: string },
  ): Promise<void> => {
    const locals = {
      ...{ action: PATH, values: { national_id, contact } },
      ...{ errors: problem.errors ?? {}, alert: problem.alert },
      humanCheck: problem.humanCheck ?? (await humanCheck.create('forgot-account')),
    };
    pages.show(ctx, 'forgot-account/request', locals, problem.status);
  };
  router.get(PATH, (ctx) => {
    const { values, ...problem } = findMarkedRejection(deps, ctx, PAGE) ?? { status: 200 };
    return show(ctx, { national_id: '', contact: values?.['contact'] ?? '' }, problem);
  });
  router.post(PATH, parseForms(), async (ctx) => {
    ctx.state['pagePath'] = PATH;
    const typed = readForm(ctx, form);
    const empty = (['national_id', 'contact'] as const).filter((name) => typed[name].trim() === '');
    if (empty.length > 0) {
      const errors = Object.fromEntries(empty.map((name) => [name, pages.t(ctx, `forgotAccount.required.${name}`)]));
      // The cookie never keeps a national ID, so a page that contains one again is the response to the form.
      if (typed.national_id.trim() !== '') return show(ctx, typed, { status: 422, errors });
      redirectRejected(deps, ctx, PAGE, { status: 422, errors, values: { contact: typed.contact } }, REJECTED);
      return;
    }
    const unchecked = await rejectUnchecked(deps, ctx, 'forgot-account', typed.human_check);
    if (unchecked !== undefined) return show(ctx, typed, { status: 422, ...unchecked });
    const request = {
      nationalId: typed.national_id,
      contact: typed.contact,
      address: ctx.ip,
      deviceName: deviceOf(ctx),
      lang: pages.langOf(ctx),
    };
    await Promise.all([accountReminder.request(request), delay(MIN_RESPONSE_MS)]);
    pages.show(ctx, 'forgot-account/sent', {});
  });
  return router;
}
