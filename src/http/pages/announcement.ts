import type { Context } from 'koa';
import { localize } from '../../config/localized-text.ts';
import { DEFAULT_LANGUAGE } from '../../domain/text.ts';
import type { HttpDeps } from '../deps.ts';

/** Loads the announcement of the bureau that is shown now, for the page of this request. */
export async function loadAnnouncement({ settings, pages }: HttpDeps, ctx: Context): Promise<void> {
  const found = await settings.findAnnouncement();
  if (found !== undefined) {
    ctx.state['announcement'] = localize({ [DEFAULT_LANGUAGE]: found.chinese, en: found.english }, pages.langOf(ctx));
  }
}
