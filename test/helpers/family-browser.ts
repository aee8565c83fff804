/** The application of a family in a browser: each function submits one or more steps. */
import assert from 'node:assert/strict';

import type { Page } from 'playwright-core';

import { FAMILY_ACCOUNTS, STUDENTS } from '../../demo/city/fixtures.ts';
import type { MailCatcher } from '../../demo/mail-catcher.ts';
import type { ApplicantKind } from '../../src/domain/binding/applicants.ts';
import type { NoticeAnswer } from '../../src/domain/binding/notice.ts';
import {
  applicantFields,
  codesTo,
  FAMILY_PASSWORD,
  PDF,
  SCHOOL_ACCOUNTS,
  type FamilyKey,
  type TypedApplicant,
} from './binding.ts';
import { fillNewPassword, press } from './browser.ts';
import { pollUntil } from './poll.ts';

/** Fills in the sign-in page of school accounts and submits it. */
export async function fillSchoolSignIn(page: Page, key: FamilyKey, password: string): Promise<void> {
  await page.fill('[name="school"]', SCHOOL_ACCOUNTS[key].school);
  await page.fill('[name="account"]', SCHOOL_ACCOUNTS[key].account);
  await page.fill('[name="password"]', password);
  await page.waitForSelector('[data-human-check][data-state="done"]');
  await press(page, '#submit');
}

/** Signs in with the first password of a school account, and replaces it by `FAMILY_PASSWORD`. */
export async function activateSchoolAccount(page: Page, key: FamilyKey): Promise<void> {
  const { nationalId } = STUDENTS[FAMILY_ACCOUNTS[key]];
  await fillSchoolSignIn(page, key, nationalId);
  await fillNewPassword(page, { current: nationalId, next: FAMILY_PASSWORD });
}

/** Submits the step with the student. */
export async function confirmStudent(page: Page): Promise<void> {
  await page.check('[name="confirm_student"]');
  await press(page, '#submit');
}

/** Submits the personal-data notice. */
export async function answerNotice(page: Page, answer: NoticeAnswer): Promise<void> {
  await page.check(`[name="notice"][value="${answer}"]`);
  await press(page, '#submit');
}

export interface FamilyApplication {
  kind: ApplicantKind;
  applicants: readonly TypedApplicant[];
  /** The last day of a delegation. */
  validTo?: string;
}

/** Submits all steps after the notice, with a document where the kind needs one. Ends at the state of the application. */
export async function apply(page: Page, mail: MailCatcher, application: FamilyApplication): Promise<void> {
  const { kind, applicants, validTo } = application;
  await page.check(`[name="applicants"][value="${kind}"]`);
  if (validTo !== undefined) await page.fill('[name="valid_to"]', validTo);
  await press(page, '#submit');
  for (const [at, applicant] of applicants.entries()) {
    const position = at === 0 ? 1 : 2;
    const code = await fillApplicant(page, mail, applicant, position);
    await page.fill(`[name="email_code_${String(position)}"]`, code);
    await press(page, '#submit');
  }
  if (kind === 'guardian' || kind === 'caregiver') {
    await page.setInputFiles('#evidence', { name: '證明文件.pdf', mimeType: 'application/pdf', buffer: PDF });
  }
  await press(page, '#submit');
  await press(page, '#submit');
  assert.equal(await applicationState(page), 'submitted');
}

/** Submits the page of an applicant. @returns the mailed code */
export async function fillApplicant(
  page: Page,
  mail: MailCatcher,
  applicant: TypedApplicant,
  position: 1 | 2,
): Promise<string> {
  const { [`relation_${String(position)}`]: relation = '', ...texts } = applicantFields(applicant, position);
  for (const [name, value] of Object.entries(texts)) await page.fill(`[name="${name}"]`, value);
  await page.selectOption(`[name="relation_${String(position)}"]`, relation);
  const before = codesTo(mail, applicant.email).length;
  await press(page, '#submit');
  const [code = ''] = await pollUntil('the code', () => {
    const codes = codesTo(mail, applicant.email);
    return codes.length > before ? codes : undefined;
  });
  return code;
}

/** Returns the state that the page of the application shows. */
export function applicationState(page: Page): Promise<string | null> {
  return page.getAttribute('body', 'data-application-state');
}
