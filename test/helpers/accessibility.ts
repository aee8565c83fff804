import { strict as assert } from 'node:assert';

import axe from 'axe-core';
import type { Page } from 'playwright-core';
import { z } from 'zod';

import { BULK_ACTIONS } from '../../src/domain/access/bulk-actions.ts';
import { APPLICATION_STATES } from '../../src/domain/binding/application.ts';
import { SUBJECT_REQUEST_KINDS } from '../../src/domain/binding/subject-requests.ts';
import { PERSON_ACTION_NAMES } from '../../src/domain/access/person-actions.ts';
import { DYNAMIC_KEYS } from '../../src/presentation/dynamic-keys.ts';
import { createI18n } from '../../src/presentation/i18n.ts';
import { APPLIED_STATES } from '../../src/presentation/page-locals/interaction.ts';
import type { PageName } from '../../src/presentation/page-locals/index.ts';
import { CLIENT_ACTIONS } from '../../src/services/console/client-effects.ts';
import { DEAD_LETTER_ACTIONS } from '../../src/services/console/dead-letters.ts';
import { DESKTOP, heading, PHONE } from './browser-harness.ts';

/** WCAG 2.2 AA, including WCAG 2.0 and 2.1, levels A and AA. */
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
// The messages quote the HTML, so no selectors are needed. No rule of these levels reads the text of style sheets.
const AXE_OPTIONS = { runOnly: TAGS, resultTypes: ['violations'], selectors: false, preload: false };
const RUN_AXE = `axe.run(${JSON.stringify(AXE_OPTIONS)})`;
const results = z.object({
  violations: z.array(z.object({ id: z.string(), nodes: z.array(z.object({ html: z.string() })) })),
  passes: z.array(z.unknown()).min(1),
});

const words = createI18n(new URL('../../config/locales', import.meta.url).pathname);
const messageTitles = DYNAMIC_KEYS.message.map((name) => `message.${name}.title`);

/** The titles that identify each page. */
const TITLES: Record<PageName, readonly string[]> = {
  'interaction/sign-in': ['signIn.title', 'signIn.reauthTitle'],
  'interaction/school-sign-in': ['schoolSignIn.title'],
  'interaction/binding-required': [
    'bindingRequired.title',
    ...APPLIED_STATES.map((name) => `bindingRequired.appliedTitle.${name}`),
  ],
  'interaction/adulthood': ['adulthood.askTitle'],
  'interaction/sharing-stopped': ['sharingStopped.title'],
  'binding/status': [...APPLICATION_STATES.map((name) => `binding.statusTitle.${name}`), 'binding.status.refusedTitle'],
  'binding/student': ['binding.student.title'],
  'binding/notice': ['binding.notice.title'],
  'binding/applicants': ['binding.applicants.title'],
  'binding/applicant': ['binding.applicant.title', 'binding.applicant.titleOf'],
  'binding/evidence': ['binding.evidence.title'],
  'binding/summary': ['binding.summary.title'],
  'binding/withdraw': ['binding.withdraw.title'],
  'binding/other-account': ['binding.otherAccount.title'],
  'binding/ended': ['binding.ended.title'],
  'interaction/new-password': ['newPassword.first.title'],
  'interaction/second-factor': ['secondFactor.title'],
  'interaction/second-factor-setup': ['secondFactor.setup.title'],
  'interaction/recovery-codes': ['secondFactor.recovery.title'],
  'interaction/select-account': ['choose.title'],
  'interaction/no-context': ['noChild.title'],
  'interaction/consent': ['consent.title'],
  'sign-out': ['signOut.title'],
  'signed-out': ['signedOut.title'],
  'account/overview': ['account.title'],
  'account/password': ['newPassword.change.title'],
  'account/second-factors': ['secondFactor.title'],
  'account/second-factor-setup': ['secondFactor.setup.title'],
  'account/recovery-codes': ['secondFactor.recovery.title'],
  'account/application-passwords': ['applicationPassword.title'],
  'account/application-password': ['applicationPassword.shownTitle'],
  'account/sign-ins': ['account.history.title'],
  'forgot-account/request': ['forgotAccount.title'],
  'forgot-account/sent': ['forgot.sent.title'],
  'account/contacts': ['contacts.title'],
  'account/guardians': ['adulthood.title'],
  'account/guardian': ['adulthood.consentTitle'],
  'account/child': ['guardianshipEnd.title'],
  'console/family-requests': ['familyRequests.title'],
  'account/data': ['data.title'],
  'account/data-request': SUBJECT_REQUEST_KINDS.map((kind) => `dataRequest.kind.${kind}`),
  'account/data-receipt': SUBJECT_REQUEST_KINDS.map((kind) => `dataRequest.kind.${kind}`),
  'account/contacts-confirm': ['contacts.confirm.title'],
  'account/email-revert': ['contacts.revert.title'],
  'account/contact-removal': ['contacts.mobile.remove', 'contacts.account.remove'],
  'password-reset/request': ['forgot.title'],
  'password-reset/sent': ['forgot.sent.title'],
  'password-reset/done': ['forgot.done.title.reset', 'forgot.done.title.activation', 'forgot.done.title.setup'],
  'password-reset/new-password': ['newPassword.reset.title', 'newPassword.setup.title'],
  'password-reset/expired': ['forgot.expired.title'],
  'device/code': ['device.code.title'],
  'device/confirm': ['device.confirm.title'],
  'device/done': ['device.done.title'],
  'console/home': ['console.title'],
  'console/search': ['console.search.title'],
  // The title is the name of the person.
  'console/person': [],
  'console/action': PERSON_ACTION_NAMES.map((name) => `console.action.${name}.title`),
  'console/form': ['bureau.policy.title', 'bureau.announcement.title', 'bureau.school.add'],
  'console/confirm': ['bureau.policy.confirm', 'bureau.announcement.confirm', 'bureau.school.confirmAdd'],
  'console/memberships': [],
  'console/schools': ['bureau.school.title'],
  'console/notices': ['noticeEditor.title'],
  // The title has the version.
  'console/notice': [],
  'school-contacts': ['schoolContacts.title'],
  'console/school-contacts': ['schoolContacts.nav'],
  'console/register-check': ['registerCheck.title'],
  'console/slip': ['console.slip.title'],
  'console/clients': ['clients.title'],
  // The title is the name of the relying party.
  'console/client': [],
  'console/client-form': ['clients.new', 'clients.editTitle'],
  'console/client-confirm': ['clients.confirmNew', 'clients.confirmChange'],
  'console/client-action': CLIENT_ACTIONS.map((name) => `clients.action.${name}.title`),
  'console/client-secret': ['clients.secretTitle', 'clients.directorySecret'],
  'console/national-id': ['console.action.reveal-national-id.title'],
  'console/merge': ['console.merge.title'],
  'console/requests': ['requests.title'],
  'console/subject-requests': ['subjectRequest.title'],
  'console/subject-request': SUBJECT_REQUEST_KINDS.map((kind) => `dataRequest.kind.${kind}`),
  'console/applications': ['review.title'],
  // The title is the name of the school, or that of the overview.
  'console/binding-counts': [],
  'console/binding-class': [],
  'console/binding-reminders': ['reminders.title'],
  'console/binding-letters': ['letters.title'],
  // The title names the student.
  'console/application': [],
  'console/classes': ['classView.title'],
  // The title is the name of the class.
  'console/class': [],
  'console/bulk': BULK_ACTIONS.map((name) => `classView.action.${name}`),
  'console/slips': ['console.slip.title'],
  'console/request': PERSON_ACTION_NAMES.map((name) => `console.action.${name}.title`),
  'console/audit': ['auditViewer.title'],
  'console/audit-verification': ['auditViewer.verify.title'],
  // The title names the person.
  'console/history': [],
  'console/keys': ['keys.title'],
  'console/dead-letters': ['deadLetters.title'],
  'console/operation-confirm': [
    'keys.rotate',
    ...DEAD_LETTER_ACTIONS.map((name) => `deadLetters.action.${name}.title`),
  ],
  message: messageTitles,
};

export interface PageView {
  page: Page;
  view: PageName;
  lang: 'zh-TW' | 'en';
  /** The app that the title names. */
  app?: string;
}

/** Asserts the title and the language of the page, and that axe reports no violation. */
export async function assertPage({ page, view, lang, app = '' }: PageView): Promise<void> {
  const titles = TITLES[view].map((key) => words.t(lang, key, { app }));
  assert.ok(titles.includes(await heading(page)), `${await heading(page)} is none of ${titles.join(', ')}`);
  assert.equal(await page.getAttribute('html', 'lang'), lang);
  await assertAccessible(page, lang);
}

/** The modes of each language. The languages differ only in their text, so that both together cover a page in all modes. */
const MODES = {
  'zh-TW': [
    { viewport: PHONE, colorScheme: 'light' },
    { viewport: DESKTOP, colorScheme: 'dark' },
  ],
  en: [
    { viewport: PHONE, colorScheme: 'dark' },
    { viewport: DESKTOP, colorScheme: 'light' },
  ],
} as const;

/** Asserts that axe reports no violation on a phone and a desktop, in light and dark mode. */
export async function assertAccessible(page: Page, lang: PageView['lang']): Promise<void> {
  // Once for each page, because axe is half a megabyte. The pages have no frames.
  await page.evaluate(axe.source);
  for (const { viewport, colorScheme } of MODES[lang]) {
    await page.setViewportSize(viewport);
    await page.emulateMedia({ colorScheme });
    const { violations } = results.parse(await page.evaluate(RUN_AXE));
    const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
    assert.deepEqual(found, [], `${page.url()} ${colorScheme} ${String(viewport.width)}`);
  }
  await page.setViewportSize(PHONE);
}

/** Returns true if the file in the views folder is a page. */
export function isPage(file: string): boolean {
  return file.endsWith('.ejs') && !/^(?:layout\.ejs|partials\/|mail\/)/.test(file);
}
