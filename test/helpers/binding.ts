import assert from 'node:assert/strict';

import type { NamedKey } from '../../demo/city/fixtures.ts';
import type { MailCatcher } from '../../demo/mail-catcher.ts';
import { setPassword } from './city.ts';
import { createHttpBrowser, formOf, type Answer, type HttpBrowser } from './http-browser.ts';
import { solveHumanCheck } from './human-check.ts';
import { mailsTo } from './mail.ts';
import { pollUntil } from './poll.ts';
import type { TestService } from './service.ts';

export const FAMILY_PASSWORD = 'seven grey herons wade';

/** The school accounts of the demo city, as families enter them. */
export const SCHOOL_ACCOUNTS = {
  H1: { school: '993301', account: 'P11330001' },
  H3: { school: '993301', account: 'P11330002' },
  H4: { school: '993301', account: 'P11330003' },
  H5: { school: '993401', account: 'P11340001' },
  H6: { school: '993302', account: 'P11330001' },
} as const satisfies Partial<Record<NamedKey, { school: string; account: string }>>;
export type FamilyKey = keyof typeof SCHOOL_ACCOUNTS;

/** Signs in with a school account on the way to a page of the application. */
export async function signInFamily(
  service: { issuer: string; container: Pick<TestService['container'], 'store' | 'hasher'> },
  key: FamilyKey,
  url = '/binding',
  language = 'zh-TW',
): Promise<{ browser: HttpBrowser; page: Answer }> {
  await setPassword(service, key, FAMILY_PASSWORD);
  const browser = createHttpBrowser(service.issuer, language);
  const page = await browser.open(url);
  const fields = { ...SCHOOL_ACCOUNTS[key], password: FAMILY_PASSWORD, ...(await solveHumanCheck(page)) };
  return { browser, page: await browser.submit(page, fields) };
}

/** Withdraws the application of a family if one is open, and begins another. @returns its first step */
export async function startOver(browser: HttpBrowser): Promise<Answer> {
  const withdrawal = await browser.open('/binding/withdraw');
  const status = withdrawal.url.endsWith('/withdraw') ? await browser.submit(withdrawal, {}) : withdrawal;
  return status.url.endsWith('/student') ? status : browser.submit(status, {});
}

export interface TypedApplicant {
  name: string;
  relation: string;
  nationalId: string;
  mobile: string;
  email: string;
}

export const APPLICANT: TypedApplicant = {
  ...{ name: '吳建宏', relation: 'father', nationalId: 'Y100100505', mobile: '0900000404' },
  email: 'jianhong.wu@parents.example',
};

/** Returns the fields of the form of an applicant. */
export function applicantFields(
  { name, relation, nationalId, mobile, email }: TypedApplicant,
  position: 1 | 2 = 1,
): Record<string, string> {
  const at = String(position);
  return {
    [`name_${at}`]: name,
    [`relation_${at}`]: relation,
    [`national_id_${at}`]: nationalId,
    [`mobile_${at}`]: mobile,
    [`email_${at}`]: email,
  };
}

const CODE_SUBJECTS = /親子綁定驗證碼|Your code for the application/;

/** Lists the codes that were mailed to an address, the newest first. */
export function codesTo(mail: MailCatcher, email: string): string[] {
  return mailsTo(mail, email, '')
    .filter(({ subject }) => CODE_SUBJECTS.test(subject))
    .map(({ text }) => /^\s*(\d{6})\s*$/m.exec(text)?.[1] ?? '');
}

/** Submits the page of an applicant and the mailed code. @returns the next step */
export async function submitApplicant(
  browser: HttpBrowser,
  page: Answer,
  mail: MailCatcher,
  applicant: TypedApplicant = APPLICANT,
  position: 1 | 2 = 1,
): Promise<Answer> {
  const fields = applicantFields(applicant, position);
  const before = codesTo(mail, applicant.email).length;
  const coded = await browser.submit(page, fields);
  assert.match(coded.body, new RegExp(`name="email_code_${String(position)}"`));
  const [code = ''] = await pollUntil('the code', () => {
    const codes = codesTo(mail, applicant.email);
    return codes.length > before ? codes : undefined;
  });
  return browser.submit(coded, { ...fields, [`email_code_${String(position)}`]: code });
}

/** Walks from the first step to the first applicant. */
export async function walkToApplicant(browser: HttpBrowser, page: Answer, kind = 'one'): Promise<Answer> {
  const notice = await browser.submit(page, { confirm_student: 'yes' });
  const applicants = await browser.submit(notice, { notice: 'agree' });
  return browser.submit(applicants, { applicants: kind, valid_to: kind === 'caregiver' ? '2099-01-20' : '' });
}

/** Walks from the first step to the summary, with one applicant and without evidence. */
export async function walkToSummary(
  browser: HttpBrowser,
  page: Answer,
  mail: MailCatcher,
  applicant: TypedApplicant = APPLICANT,
): Promise<Answer> {
  const evidence = await submitApplicant(browser, await walkToApplicant(browser, page), mail, applicant);
  return upload(browser, evidence, []);
}

export interface TestFile {
  name: string;
  content: Buffer;
  type?: string;
}

/** Submits the page with the documents, as a browser does. */
export function upload(
  browser: HttpBrowser,
  page: Answer,
  files: readonly TestFile[],
  fields: Record<string, string> = {},
): Promise<Answer> {
  const boundary = 'test-boundary-0f9d3b7a';
  const { action, hidden } = formOf(page.body);
  const parts: Buffer[] = Object.entries({ ...hidden, ...fields }).map(([name, value]) =>
    Buffer.from(`--${boundary}\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`),
  );
  const sent = files.length === 0 ? [{ name: '', content: Buffer.alloc(0) }] : files;
  for (const { name, content, type = 'application/octet-stream' } of sent) {
    const head = `content-disposition: form-data; name="evidence"; filename="${name}"\r\ncontent-type: ${type}`;
    parts.push(Buffer.from(`--${boundary}\r\n${head}\r\n\r\n`), content, Buffer.from('\r\n'));
  }
  parts.push(Buffer.from(`--${boundary}--\r\n`));
  return browser.postBytes(
    new URL(action, page.url).href,
    new Uint8Array(Buffer.concat(parts)),
    `multipart/form-data; boundary=${boundary}`,
  );
}

/** A PNG that states these dimensions; only its header is complete. */
export function pngOf(width: number, height: number): Buffer {
  const header = Buffer.alloc(33);
  Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13]).copy(header);
  header.write('IHDR', 12, 'latin1');
  header.writeUInt32BE(width, 16);
  header.writeUInt32BE(height, 20);
  header.writeUInt8(8, 24);
  return header;
}

export const PDF = Buffer.from('%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer << /Root 1 0 R >>\n%%EOF\n');
