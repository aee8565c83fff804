import { z } from 'zod';
import { STATED_RELATIONS } from '../../domain/binding/applicants.ts';
import type { Secrets } from '../../platform/crypto/secrets.ts';
import type { ApplicantRow, ApplicationRow } from '../../store/binding/applications.ts';

const applicantData = z.object({
  name: z.string(),
  relation: z.enum(STATED_RELATIONS),
  nationalId: z.string(),
  mobile: z.string(),
  email: z.string(),
});
/** The data of an applicant, normalized (domain/credentials). `mobile`: `+8869…`. */
export type ApplicantData = z.infer<typeof applicantData>;
type ApplicantKey = Pick<ApplicantRow, 'applicationId' | 'position'>;

const rowOf = ({ applicationId, position }: ApplicantKey): string => `${applicationId}:${String(position)}`;

/** Returns the columns of an applicant that hold what the family entered. */
export function sealApplicant(
  secrets: Pick<Secrets, 'seal' | 'mac'>,
  applicant: ApplicantKey,
  data: ApplicantData,
): Pick<ApplicantRow, 'payloadSealed' | 'nationalIdLookup'> {
  return {
    payloadSealed: secrets.seal('binding-applicant', rowOf(applicant), JSON.stringify(data)),
    nationalIdLookup: secrets.mac('national-id-lookup', data.nationalId),
  };
}

export function openApplicant(
  secrets: Pick<Secrets, 'open'>,
  applicant: ApplicantKey & Pick<ApplicantRow, 'payloadSealed'>,
): ApplicantData {
  return applicantData.parse(JSON.parse(secrets.open('binding-applicant', rowOf(applicant), applicant.payloadSealed)));
}

/** `report`: what the family says is wrong in the data of the student. `reason`: why the application was returned or rejected. */
type TextColumn = 'report' | 'reason';

export function sealText(
  secrets: Pick<Secrets, 'seal'>,
  column: TextColumn,
  { id }: Pick<ApplicationRow, 'id'>,
  text: string,
): string {
  return secrets.seal('binding-text', `${column}:${id}`, text);
}

/** Opens a text of an application. @returns undefined if there is none */
export function openText(
  secrets: Pick<Secrets, 'open'>,
  column: TextColumn,
  application: Pick<ApplicationRow, 'id' | 'reportSealed' | 'reasonSealed'>,
): string | undefined {
  const sealed = column === 'report' ? application.reportSealed : application.reasonSealed;
  return sealed === null ? undefined : secrets.open('binding-text', `${column}:${application.id}`, sealed);
}
