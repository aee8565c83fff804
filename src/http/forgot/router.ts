import { setTimeout as delay } from 'node:timers/promises';
import Router from '@koa/router';
import type { Context } from 'koa';
import { z } from 'zod';
import { BusyError } from '../../services/errors.ts';
import { LINK_MINUTES } from '../../services/recovery.ts';
import { busyProblem, type Problem } from '../change-password.ts';
import type { HttpDeps } from '../deps.ts';
import { field, parseForms, readForm } from '../forms.ts';
import { formErrors, newPasswordFields, policyErrors } from '../new-password-form.ts';

const requestForm = z.object({ login: field });
const tokenShape = z.string().regex(/^[A-Za-z0-9_-]{43}$/);

/** Longer than sending takes, so that an unknown account answers in the same time as a known one. */
const ANSWER_MS = 300;

/** "Forgot password": ask for a link, open it, choose a new password. */
export function createForgotRouter(deps: HttpDeps): Router {
  const { pages, recovery } = deps;
  const router = new Router({ prefix: '/forgot' });
  const forms = parseForms();
  const request = (ctx: Context, login: string, errors: Record<string, string>, status: number): void => {
    pages.show(ctx, 'forgot/request', { action: '/forgot', values: { login }, errors, signInUrl: '/account' }, status);
  };
  router.get('/', (ctx) => {
    request(ctx, '', {}, 200);
  });
  router.post('/', forms, async (ctx) => {
    ctx.state['pagePath'] = '/forgot';
    const { login } = readForm(ctx, requestForm);
    if (login.trim() === '') {
      request(ctx, login, { login: pages.t(ctx, 'required.login') }, 422);
      return;
    }
    await Promise.all([recovery.request(login, ctx.ip), delay(ANSWER_MS)]);
    pages.show(ctx, 'forgot/sent', { minutes: LINK_MINUTES });
  });
  router.get('/reset', async (ctx) => {
    const token = tokenShape.safeParse(ctx.query['token']);
    if (token.success && (await recovery.isOpen(token.data))) reset(deps, ctx, token.data);
    else expired(deps, ctx);
  });
  router.post('/reset', forms, (ctx) => complete(deps, ctx));
  return router;
}

/** The token goes into the address of the form, so that going back and trying again works. */
function reset(deps: HttpDeps, ctx: Context, token: string, problem: Problem = { status: 200 }): void {
  const action = `/forgot/reset?token=${token}`;
  ctx.state['pagePath'] = action;
  deps.pages.show(
    ctx,
    'interaction/new-password',
    {
      action,
      purpose: 'reset',
      name: '',
      login: '',
      minLength: deps.minPasswordLength,
      errors: problem.errors ?? {},
      alert: problem.alert,
      values: problem.typed,
      hasCurrent: false,
    },
    problem.status,
  );
}

function expired({ pages }: HttpDeps, ctx: Context): void {
  pages.show(ctx, 'forgot/expired', { requestUrl: '/forgot' }, 410);
}

async function complete(deps: HttpDeps, ctx: Context): Promise<void> {
  const token = tokenShape.safeParse(ctx.query['token']);
  if (!token.success) {
    expired(deps, ctx);
    return;
  }
  const typed = readForm(ctx, newPasswordFields);
  const errors = formErrors(deps, ctx, typed, false);
  if (Object.keys(errors).length > 0) {
    reset(deps, ctx, token.data, { status: 422, errors });
    return;
  }
  try {
    await useLink(deps, ctx, token.data, typed.new_password);
  } catch (error) {
    if (!(error instanceof BusyError)) throw error;
    reset(deps, ctx, token.data, busyProblem(deps, ctx, typed));
  }
}

async function useLink(deps: HttpDeps, ctx: Context, token: string, next: string): Promise<void> {
  const result = await deps.recovery.complete(token, next, ctx.ip);
  switch (result.kind) {
    case 'changed':
      deps.pages.show(ctx, 'forgot/done', { signInUrl: '/account' });
      return;
    case 'expired':
      expired(deps, ctx);
      return;
    case 'unfit':
      reset(deps, ctx, token, { status: 422, errors: policyErrors(deps, ctx, result.problems) });
  }
}
