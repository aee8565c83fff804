import { randomUUID } from 'node:crypto';

import type { NamedKey } from '../../demo/city/fixtures.ts';
import type { ApplicationRow } from '../../src/store/binding/applications.ts';
import { insertApplication, upsertApplicant } from '../../src/store/binding/applications.ts';
import { insertEvidence } from '../../src/store/binding/evidence.ts';
import { sealApplicant, type ApplicantData } from '../../src/services/binding/applicant-data.ts';
import { sealEvidence } from '../../src/services/binding/evidence-file.ts';
import { personId } from './city.ts';
import type { ServiceDatabase } from './service.ts';

/** A father of S4 whom the city does not know yet. */
export const NEW_FATHER: ApplicantData = {
  name: '吳大偉',
  relation: 'father',
  nationalId: 'Y100500103',
  mobile: '+886900000501',
  email: 'dawei.wu@parents.example',
};

interface SentApplication extends Partial<Omit<ApplicationRow, 'id' | 'studentId' | 'accountId'>> {
  student?: NamedKey;
  account?: NamedKey;
  applicants?: readonly ApplicantData[];
  files?: readonly { name: string; contentType: string; content: Buffer }[];
}

/** Stores a submitted application, of the family of S4 by default, as the pages of the family do. @returns its id */
export async function storeApplication(
  { container: { store, secrets } }: ServiceDatabase,
  { student = 'S4', account = 'H4', applicants = [NEW_FATHER], files = [], ...more }: SentApplication = {},
): Promise<string> {
  const id = randomUUID();
  const now = Date.now();
  await store.write(async (tx) => {
    await insertApplication(tx, {
      ...{ id, accountId: personId(account), studentId: personId(student), schoolCode: '993301', state: 'submitted' },
      ...{ applicantKind: applicants.length === 2 ? 'two' : 'one', version: 3, submittedAt: now },
      ...{ studentConfirmedAt: now, evidenceDoneAt: now, createdAt: now, updatedAt: now, ...more },
    });
    for (const [at, data] of applicants.entries()) {
      const key = { applicationId: id, position: at + 1 };
      await upsertApplicant(tx, {
        ...{ ...key, ...sealApplicant(secrets, key, data), emailCodeMac: null, emailCodeExpiresAt: null },
        ...{ emailCodeFailures: 0, emailVerifiedAt: now, guardianId: null },
      });
    }
    for (const { contentType, ...file } of files) {
      const fileId = randomUUID();
      const size = file.content.length;
      const sealed = sealEvidence(secrets, fileId, file);
      await insertEvidence(tx, { id: fileId, applicationId: id, contentType, size, createdAt: now, ...sealed });
    }
  });
  return id;
}
