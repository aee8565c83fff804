import createError from 'http-errors';
import type { Context } from 'koa';
import { codePoints, hasInvisibleCharacters } from '../../domain/text.ts';
import { NOTICE_POINTS, MAX_NOTICE_LENGTH } from '../../domain/binding/notice.ts';
import type { FieldErrors } from '../../presentation/page-locals/common.ts';
import type { PublishedNotice } from '../../services/console/notices.ts';
import type { HttpDeps } from '../deps.ts';
import { checkbox, field, readForm, rowVersion } from '../forms/body.ts';
import { takeNoticeText } from '../pages/page-notice.ts';
import { refusalOf } from './bureau-refusal.ts';
import { SAVED, confirmationFields, confirmChange } from './confirmation.ts';
import { pathIdOf } from './path-id.ts';
import type { SignedInStaff } from './session.ts';

const PATH = '/console/notices';
const LANGUAGES = ['chinese', 'english'] as const;
type Texts = Record<(typeof LANGUAGES)[number], string>;
const noticeForm = confirmationFields.extend({ version: rowVersion, chinese: field, english: field, edit: checkbox });

/** `GET /console/notices`: all versions, the newest first. */
export async function showNotices(deps: HttpDeps, ctx: Context): Promise<void> {
  const notices = await deps.console.notices.list();
  deps.pages.show(ctx, 'console/notices', {
    notices: notices.map(({ version, publishedAt, publishedBy }, at) => ({
      ...{ version, publishedAt, publishedBy, isCurrent: at === 0 },
    })),
    notice: takeNoticeText(deps, ctx, SAVED, 'noticeEditor.published'),
  });
}

/** `GET /console/notices/:id`: one version, as families read it. */
export async function showNotice(deps: HttpDeps, ctx: Context): Promise<void> {
  const id = pathIdOf(ctx);
  const notice = /^\d{1,9}$/.test(id) ? await deps.console.notices.find(Number(id)) : undefined;
  if (notice === undefined) throw createError(404, 'no such version of the notice');
  deps.pages.show(ctx, 'console/notice', notice);
}

/** `GET /console/notices/new`: the form, with the current text. */
export async function showNoticeForm(deps: HttpDeps, ctx: Context): Promise<void> {
  const { chinese, english, version } = await getCurrent(deps);
  render(deps, ctx, { texts: { chinese, english }, version });
}

/** `POST /console/notices/new`: shows a preview, then publishes the version. */
export async function publishNotice(deps: HttpDeps, ctx: Context, { actor }: SignedInStaff): Promise<void> {
  const { version, chinese, english, edit, ...sent } = readForm(ctx, noticeForm);
  const texts = { chinese: normalize(chinese), english: normalize(english) };
  const { pages, console: services } = deps;
  const errors = findErrors(deps, ctx, texts);
  const current = await getCurrent(deps);
  const isSame = LANGUAGES.every((language) => texts[language] === current[language]);
  const alert = isSame && !edit ? pages.t(ctx, 'bureau.nothingChanged') : undefined;
  if (edit || Object.keys(errors).length > 0 || alert !== undefined) {
    render(deps, ctx, { texts, version, errors, alert, status: edit ? 200 : 422 });
    return;
  }
  await confirmChange(
    deps,
    ctx,
    {
      section: 'notices',
      title: pages.t(ctx, 'noticeEditor.confirm', { version: version + 1 }),
      effects: ['newOnly', 'keeps'].map((key) => pages.t(ctx, `noticeEditor.effect.${key}`)),
      changes: [],
      texts: LANGUAGES.map((language) => ({
        label: pages.t(ctx, `noticeEditor.text.${language}`),
        text: texts[language],
      })),
      action: `${PATH}/new`,
      fields: { version: String(version), ...texts },
      cancelUrl: PATH,
      isEditable: true,
    },
    sent,
    {
      apply: async (reason) => {
        const request = { actorId: actor.id, reason, address: ctx.ip };
        return refusalOf(deps, ctx, await services.notices.publish(request, texts, version));
      },
      doneUrl: PATH,
    },
  );
}

async function getCurrent({ console: { notices } }: HttpDeps): Promise<PublishedNotice> {
  const [current] = await notices.list();
  if (current === undefined) throw new Error('the notice has no version');
  return current;
}

/** Browsers send lines that end with CR LF. */
function normalize(text: string): string {
  return text.replace(/\r\n?/g, '\n').normalize('NFC').trim();
}

function findErrors({ pages }: HttpDeps, ctx: Context, texts: Texts): Record<string, string> {
  const errors: Record<string, string> = {};
  for (const language of LANGUAGES) {
    const text = texts[language];
    if (text === '') errors[language] = pages.t(ctx, 'noticeEditor.missing');
    else if (codePoints(text).length > MAX_NOTICE_LENGTH)
      errors[language] = pages.t(ctx, 'bureau.tooLong', { max: MAX_NOTICE_LENGTH });
    else if (text.split(/[\n\t]/).some(hasInvisibleCharacters))
      errors[language] = pages.t(ctx, 'noticeEditor.invisible');
  }
  return errors;
}

interface FormState {
  texts: Texts;
  version: number;
  errors?: FieldErrors;
  alert?: string | undefined;
  status?: number;
}

function render(deps: HttpDeps, ctx: Context, { texts, version, errors = {}, alert, status = 200 }: FormState): void {
  const { pages } = deps;
  pages.show(
    ctx,
    'console/form',
    {
      section: 'notices',
      title: pages.t(ctx, 'noticeEditor.new', { version: version + 1 }),
      intro: pages.t(ctx, 'noticeEditor.checklist'),
      points: NOTICE_POINTS.map((point) => pages.t(ctx, `noticeEditor.point.${point}`)),
      action: `${PATH}/new`,
      hidden: { version: String(version) },
      fields: LANGUAGES.map((name) => ({
        ...{ kind: 'textarea' as const, name, label: pages.t(ctx, `noticeEditor.text.${name}`) },
        ...{ value: texts[name], maxLength: MAX_NOTICE_LENGTH, rows: 18 },
      })),
      errors,
      alert,
      cancelUrl: PATH,
    },
    status,
  );
}
