import type { Config } from '../config/load.ts';
import { createAccountReminder, type AccountReminder } from '../services/authentication/account-reminder.ts';
import {
  createApplicationPasswords,
  type ApplicationPasswords,
} from '../services/authentication/application-passwords.ts';
import { createHumanCheckDemand, type HumanCheckDemand } from '../services/authentication/human-check-demand.ts';
import { createListServiceAccounts } from '../services/directory/service-accounts.ts';
import { createAccountChanges, type AccountChanges } from '../services/people/account-changes.ts';
import { createContacts, type Contacts } from '../services/people/contacts.ts';
import { createEmailReverts, type EmailReverts } from '../services/people/email-reverts.ts';
import { createPersonalDataCopy, type PersonalDataCopy } from '../services/personal-data/copy.ts';
import { createSubjectRequests, type SubjectRequests } from '../services/personal-data/requests.ts';
import { createSchoolContacts, type SchoolContacts } from '../services/people/school-contacts.ts';
import { createUnsentForms, type UnsentForms } from '../services/people/unsent-forms.ts';
import type { Services } from './services.ts';

/** The services that people use without the school. */
export interface SelfService {
  accountChanges: AccountChanges;
  accountReminder: AccountReminder;
  applicationPasswords: ApplicationPasswords;
  contacts: Contacts;
  emailReverts: EmailReverts;
  humanCheckDemand: HumanCheckDemand;
  personalData: PersonalDataCopy;
  schoolContacts: SchoolContacts;
  subjectRequests: SubjectRequests;
  unsentForms: UnsentForms;
}

type SelfServiceDeps = Pick<
  Services,
  | 'store'
  | 'clock'
  | 'random'
  | 'log'
  | 'secrets'
  | 'audit'
  | 'outbox'
  | 'knownDevices'
  | 'revocation'
  | 'clients'
  | 'storedClients'
>;

export function createSelfService(
  { issuer, humanCheckFailures: failures, directory }: Pick<Config, 'issuer' | 'humanCheckFailures' | 'directory'>,
  deps: SelfServiceDeps,
): SelfService {
  const listServiceAccounts = createListServiceAccounts({ ...deps, isDirectoryOn: directory !== undefined });
  return {
    accountChanges: createAccountChanges(deps),
    accountReminder: createAccountReminder({ ...deps, issuer }),
    applicationPasswords: createApplicationPasswords({ ...deps, issuer, listServiceAccounts }),
    contacts: createContacts({ ...deps, issuer }),
    emailReverts: createEmailReverts({ ...deps, issuer }),
    humanCheckDemand: createHumanCheckDemand({ ...deps, failures }),
    personalData: createPersonalDataCopy(deps),
    schoolContacts: createSchoolContacts(deps),
    subjectRequests: createSubjectRequests({ ...deps, issuer }),
    unsentForms: createUnsentForms(deps),
  };
}
