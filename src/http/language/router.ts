import Router from '@koa/router';
import type { Context } from 'koa';
import { z } from 'zod';
import { findSignedIn, ownerOf } from '../account/session.ts';
import type { HttpDeps } from '../deps.ts';
import { parseForms } from '../forms/body.ts';
import { isLocalPath, setChosenLanguage } from '../middleware/locale.ts';

const DEFAULT_PAGE = '/account';

/** The switch in the page header. `back` is the page to return to. */
export function createLanguageRouter(deps: HttpDeps): Router {
  const router = new Router();
  // The link works without JavaScript. It sets only the cookie of this browser: a GET changes no data.
  router.get('/language', async (ctx) => {
    const { to, back } = readSwitch(deps, ctx.query);
    if (to !== undefined && isOwnLink(ctx)) {
      setChosenLanguage(ctx, deps, to, (await findSignedIn(deps, ctx)) !== undefined);
    }
    redirectBack(ctx, back);
  });
  // With JavaScript the link becomes a form (public/form.js), which also stores the language of a signed-in person.
  router.post('/language', parseForms(), async (ctx) => {
    const { to, back } = readSwitch(deps, ctx.request.body);
    if (to !== undefined) {
      const signedIn = await findSignedIn(deps, ctx);
      if (signedIn !== undefined) {
        deps.rateLimiter.admitPerson('account', ownerOf(signedIn));
        await deps.contacts.changeLanguage({ personId: signedIn.facts.id, locale: to, address: ctx.ip });
      }
      setChosenLanguage(ctx, deps, to, signedIn !== undefined);
    }
    redirectBack(ctx, back);
  });
  return router;
}

/**
 * Returns false for a link on another site, which cannot choose the language of mails: the next sign-in stores the choice. Older browsers send
 * no such header (W3C Fetch Metadata Request Headers, 2.4).
 */
function isOwnLink(ctx: Context): boolean {
  return ['', 'none', 'same-origin'].includes(ctx.get('sec-fetch-site'));
}

function readSwitch({ i18n }: HttpDeps, sent: unknown): { to: string | undefined; back: string } {
  const languageSwitch = z.object({
    to: z.enum(i18n.languages).optional().catch(undefined),
    back: z.string().refine(isLocalPath).catch(DEFAULT_PAGE),
  });
  return { to: undefined, back: DEFAULT_PAGE, ...languageSwitch.safeParse(sent).data };
}

function redirectBack(ctx: Context, back: string): void {
  ctx.status = 303;
  ctx.redirect(back);
}
