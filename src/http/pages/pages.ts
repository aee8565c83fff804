import type { Context } from 'koa';
import { clientName } from '../../config/clients.ts';
import { localize } from '../../config/localized-text.ts';
import { statedRelationOf } from '../../domain/binding/applicants.ts';
import { classNumber, gradeFromElementary, type ClassName } from '../../domain/class-name.ts';
import { errorReference } from '../../domain/error-reference.ts';
import type { School } from '../../domain/model.ts';
import { schoolYearInCommonEra, type Term } from '../../domain/term.ts';
import { DEFAULT_LANGUAGE } from '../../domain/text.ts';
import type { DYNAMIC_KEYS } from '../../presentation/dynamic-keys.ts';
import type { I18n, MessageParams } from '../../presentation/i18n.ts';
import type { CommonLocals } from '../../presentation/page-locals/common.ts';
import type { MessageLocals, PageLocals, PageName } from '../../presentation/page-locals/index.ts';
import type { Templates } from '../../presentation/templates.ts';
import { ACCOUNT_CLIENT_ID, type ClientRegistry } from '../../services/access/client-registry.ts';

export type MessageKind = (typeof DYNAMIC_KEYS)['message'][number];

/** Renders pages in the language of the request. No page is cached. */
export interface Pages {
  langOf(ctx: Context): string;
  t(ctx: Context, key: string, vars?: MessageParams): string;
  show<N extends PageName>(ctx: Context, name: N, locals: PageLocals[N] & CommonLocals, status?: number): void;
  /** Shows a page that says what happened and what to do next, with the reference of the request. */
  message(ctx: Context, kind: MessageKind, options: MessageOptions): void;
  /** Returns the name of an app in the language of the request, or its id if it is no longer registered. */
  appName(ctx: Context, clientId: string): string;
  schoolName(ctx: Context, school: School | undefined): string | undefined;
  /** Returns the name of a relation in the language of the request. Labels that no form offers stay as they are. */
  relationName(ctx: Context, label: string): string;
  /** Returns the name of a term: `115 學年度第 1 學期`; `Semester 1, school year 2026–2027`. */
  termName(ctx: Context, term: Term): string;
  /** Returns the name of a class: in Chinese as the school writes it, else by grade and number. */
  className(ctx: Context, place: ClassName & { school: Pick<School, 'type'> }): string;
}

interface MessageOptions {
  status: number;
  /** The app of the interaction; the page then links to it. */
  clientId?: string | undefined;
  /** The URL of the first button, "try again". */
  retryUrl?: string;
}

interface Deps {
  templates: Templates;
  i18n: I18n;
  clients: ClientRegistry;
}

export function createPages({ templates, i18n, clients }: Deps): Pages {
  const langOf = (ctx: Context): string => {
    const lang: unknown = ctx.state['lang'];
    return typeof lang === 'string' ? lang : i18n.negotiate({ acceptLanguage: ctx.get('accept-language') });
  };
  const t: Pages['t'] = (ctx, key, vars) => i18n.t(langOf(ctx), key, vars);
  const show: Pages['show'] = (ctx, name, locals, status = 200) => {
    ctx.status = status;
    ctx.type = 'html';
    ctx.set('cache-control', 'no-store');
    const announcement: unknown = ctx.state['announcement'];
    const common = {
      languageLinks: languageLinks(ctx, i18n, langOf(ctx)),
      isBureau: ctx.state['isBureau'] === true,
      hasRequests: ctx.state['hasRequests'] === true,
      hasFamilyRequests: ctx.state['hasFamilyRequests'] === true,
      hasApplications: ctx.state['hasApplications'] === true,
      hasSchoolSettings: ctx.state['hasSchoolSettings'] === true,
      announcement: typeof announcement === 'string' ? announcement : undefined,
    };
    // Reloading the response to a form opens the page of the form.
    const formPage = ctx.method === 'POST' && status >= 400 ? pagePathOf(ctx) : undefined;
    ctx.body = templates.page(name, langOf(ctx), { ...common, formPage, ...locals });
  };
  const appName: Pages['appName'] = (ctx, clientId) => {
    const client = clients.find(clientId);
    return client === undefined ? clientId : clientName(client, langOf(ctx));
  };
  const schoolName: Pages['schoolName'] = (ctx, school) =>
    school && localize({ [DEFAULT_LANGUAGE]: school.name, en: school.nameEn }, langOf(ctx));
  const relationName: Pages['relationName'] = (ctx, label) => nameRelation(label, (key) => t(ctx, key));
  /** An expired interaction links to a new sign-in. After an error of the app, a new sign-in would fail again, so it links to its site. */
  const backToApp = (ctx: Context, kind: MessageKind, clientId = ACCOUNT_CLIENT_ID): MessageLocals['actions'] => {
    if (clientId === ACCOUNT_CLIENT_ID) return [];
    const href = kind === 'expired' ? clients.launchUrl(clientId) : clients.find(clientId)?.client_uri;
    if (href === undefined) return [];
    return [{ label: t(ctx, 'action.backToApp', { app: appName(ctx, clientId) }), href, primary: true }];
  };
  const retryLink = (ctx: Context, href: string | undefined): MessageLocals['actions'] =>
    href === undefined ? [] : [{ label: t(ctx, 'action.again'), href, primary: true }];
  /** The console knows its staff (http/console/session.ts). */
  const homeLink = (ctx: Context): { label: string; href: string } =>
    ctx.state['isBureau'] === undefined
      ? { label: t(ctx, 'action.home'), href: '/account' }
      : { label: t(ctx, 'action.console'), href: '/console' };
  const message: Pages['message'] = (ctx, kind, { status, clientId, retryUrl }) => {
    const links = [...retryLink(ctx, retryUrl), ...backToApp(ctx, kind, clientId)];
    show(
      ctx,
      'message',
      {
        title: t(ctx, `message.${kind}.title`),
        text: t(ctx, `message.${kind}.text`),
        actions: [...links, { ...homeLink(ctx), primary: links.length === 0 }],
        status,
        reference: referenceOf(ctx),
      },
      status,
    );
  };
  const names = { termName: createTermName(langOf, t), className: createClassName(langOf, t) };
  return { langOf, t, show, message, appName, schoolName, relationName, ...names };
}

function referenceOf(ctx: Context): string | undefined {
  const requestId = ctx.response.get('x-request-id');
  return requestId === '' ? undefined : errorReference(requestId);
}

function nameRelation(label: string, t: (key: string) => string): string {
  const stated = statedRelationOf(label);
  return stated === undefined ? label : t(`binding.relation.${stated}`);
}

/** Returns the path of this page; after a form, of the page with the form. */
function pagePathOf(ctx: Context): string {
  const shown: unknown = ctx.state['pagePath'];
  return typeof shown === 'string' ? shown : ctx.path + ctx.search;
}

/** Returns links that lead back to this page; after a form, to the page with the form. */
function languageLinks(ctx: Context, i18n: I18n, current: string): CommonLocals['languageLinks'] {
  const back = pagePathOf(ctx);
  return i18n.languages.map((lang) => ({
    lang,
    label: i18n.names[lang] ?? lang,
    href: `/language?${new URLSearchParams({ to: lang, back }).toString()}`,
    current: lang === current,
  }));
}

function createTermName(langOf: Pages['langOf'], t: Pages['t']): Pages['termName'] {
  return (ctx, { year, semester }) => {
    const { from, to } = schoolYearInCommonEra(year);
    const isChinese = langOf(ctx) === DEFAULT_LANGUAGE;
    return t(ctx, 'common.term', { semester, year: isChinese ? year : `${String(from)}–${String(to)}` });
  };
}

function createClassName(langOf: Pages['langOf'], t: Pages['t']): Pages['className'] {
  return (ctx, { school, ...named }) => {
    if (langOf(ctx) === DEFAULT_LANGUAGE) return named.classtitle;
    const grade = gradeFromElementary(school.type, named.grade);
    return t(ctx, 'common.className', { grade, number: classNumber(named) });
  };
}
