import { localize } from '../../config/localized-text.ts';
import { DEFAULT_LANGUAGE } from '../../domain/text.ts';
import type { I18n } from '../../presentation/i18n.ts';
import { MAIL_SCHEMAS } from '../../presentation/mail-locals.ts';
import type { Mail, Templates } from '../../presentation/templates.ts';
import type { SchoolContacts, SchoolWithContacts } from '../people/school-contacts.ts';
import { addressOf, createMailTransport, type MailTransportSettings } from './mail-transport.ts';
import type { MailJob } from './outbox.ts';

/** Sends the mails of the outbox. */
export interface Mailer {
  /** @throws the transport's error if the server does not accept the mail */
  send(job: MailJob): Promise<void>;
  close(): void;
}

interface Deps {
  templates: Templates;
  i18n: I18n;
  schoolContacts: Pick<SchoolContacts, 'listOfAddress'>;
}

export function createMailer(settings: MailTransportSettings, deps: Deps): Mailer {
  const address = addressOf(settings.from);
  const transport = createMailTransport(settings);
  return {
    send: async (job) => {
      const schools = await deps.schoolContacts.listOfAddress(job.to);
      const { lang, ...mail } = render(deps, job, schools);
      await transport.sendMail({ from: { name: deps.templates.brandName(lang), address }, to: job.to, ...mail });
    },
    close: () => {
      transport.close();
    },
  };
}

function render(
  { templates, i18n }: Deps,
  job: MailJob,
  schools: readonly SchoolWithContacts[],
): Mail & { lang: string } {
  const { template, locals, request } = job;
  const lang = i18n.negotiate({ personLocale: job.lang });
  const extra = { desks: describeDesks(i18n, lang, schools), request };
  return { lang, ...templates.mail(template, lang, MAIL_SCHEMAS[template].parse(locals), extra) };
}

/** Describes the desk of each school that answers questions about accounts: a mail is about one. */
function describeDesks(i18n: I18n, lang: string, schools: readonly SchoolWithContacts[]): string[] {
  return schools.flatMap(({ school, contacts }) => {
    const contact = contacts.find(({ subject }) => subject === 'account');
    if (contact === undefined) return [];
    const { phone, extension } = contact;
    const number = extension === '' ? phone : i18n.t(lang, 'schoolContacts.number', { phone, extension });
    const name = localize({ [DEFAULT_LANGUAGE]: school.name, en: school.nameEn }, lang);
    const deskEn = contact.deskEn === '' ? contact.desk : contact.deskEn;
    const desk = localize({ [DEFAULT_LANGUAGE]: contact.desk, en: deskEn }, lang);
    return `${name} ${desk} ${number}`;
  });
}
