import { CAPACITIES } from '../../src/domain/access/capacities.ts';
import { GUARDIANSHIP_ACTION_NAMES, PERSON_ACTION_NAMES } from '../../src/domain/access/person-actions.ts';
import { PERMISSIONS, ROLES } from '../../src/domain/model.ts';
import { DYNAMIC_KEYS } from '../../src/presentation/dynamic-keys.ts';
import type { PageLocals } from '../../src/presentation/page-locals/index.ts';
import { auditSamples, dashboardSample, waitingSample } from './audit-page-samples.ts';
import { bindingSamples } from './binding-page-samples.ts';
import { sampleBureauLocals } from './bureau-page-samples.ts';
import { dataSamples } from './data-page-samples.ts';
import { answerSamples } from './answer-page-samples.ts';
import { clientPages } from './client-page-samples.ts';
import { reviewSamples } from './review-page-samples.ts';
import { staffRequestSamples } from './staff-change-samples.ts';

export const SIGN_IN_LINKS = {
  passkeyUrl: '/p',
  forgotPasswordUrl: '/forgot-password',
  schoolSignInUrl: '/s',
  cancelAction: '/cancel',
  isOnOtherDevice: false,
};

/** Locals of every page with all optional parts; `x` is the text that other people can choose. */
export function samplePageLocals(x: string): PageLocals {
  const app = { name: x };
  const account = { name: x, login: x };
  const guardian = { guardianshipId: x, name: x, relation: x };
  const undecided = { ...guardian, until: '2027-01-20', isActive: false, isConsentAwaited: true, isUndecided: true };
  const declined = { ...undecided, isUndecided: false };
  const names = ['login', 'password', 'current_password', 'new_password', 'confirm_password'];
  const errors = Object.fromEntries(names.map((name) => [name, x]));
  const signIn = { action: `/a?${x}`, app, values: { login: x, remember: true }, alert: x, isReauthentication: false };
  const password = { action: '/a', name: x, login: x, minLength: 12, example: x, errors, alert: x };
  const contact = { subject: x, desk: x, deskLang: 'zh-TW', number: x, url: 'tel:0255503301,256' };
  const school = { code: '993301', name: x };
  const schoolContacts = [{ name: x, contacts: [contact, contact] }];
  const qr = { size: 29, path: 'M4 4h1v1h-1z' };
  const totpSetup = {
    ...{ action: '/a', secret: x, qr, setup: x, name: x, errors: { code: x } },
    passkey: { options: x, setup: x },
  };
  return {
    'interaction/sign-in': { ...signIn, errors, ...SIGN_IN_LINKS },
    'interaction/school-sign-in': {
      ...{ action: '/a', app, values: { school: x, account: x }, schools: [{ code: '993301', label: x }], errors },
      ...{ humanCheck: 'h', schoolName: x, isReauthentication: false, otherAccountUrl: '/o' },
    },
    ...bindingSamples(x),
    'interaction/binding-required': {
      ...{ app, account, applied: 'approved', startUrl: '/b', cancelAction: '/c', otherAccountAction: '/o' },
    },
    'interaction/adulthood': { app, action: '/a', guardian, otherAccountAction: '/o' },
    'interaction/sharing-stopped': { app, account, cancelAction: '/c', otherAccountAction: '/o', schoolContacts },
    ...dataSamples(x),
    'interaction/new-password': { ...password, app, asksCurrent: true },
    'interaction/select-account': {
      ...{ action: '/a', app, account, otherAccountAction: '/o', cancelAction: '/c' },
      choices: ROLES.map((role, at) => ({
        ...{ value: `${x}${at}`, title: x, role, isLastUsed: at === 2 },
        child: role === 'parent' ? x : undefined,
      })),
    },
    'interaction/second-factor': {
      ...{ action: '/a', app, account, method: 'totp', otherMethodUrl: '/m', passkeyUrl: '/p' },
      otherAccountAction: '/o',
      ...{ cancelAction: '/c', isOnOtherDevice: false, alert: x, errors: { code: x } },
    },
    'interaction/second-factor-setup': { ...totpSetup, app, cancelAction: '/c' },
    'interaction/recovery-codes': { action: '/a', app, codes: [x], setup: x, name: x },
    'interaction/no-context': {
      app,
      account: { name: x, login: x },
      reasons: [],
      backAction: '/a',
      otherAccountAction: '/o',
      schoolContacts,
    },
    'school-contacts': { typed: x, options: [school], matches: [school, school], schoolContacts },
    'interaction/consent': {
      action: '/a',
      app: { name: x, url: 'https://app.example/x' },
      ...{ account, otherAccountAction: '/o', items: [{ title: x, detail: x }] },
    },
    'sign-out': { action: '/a', request: x, stayUrl: '/a', name: x, apps: [x, x], sessionChanged: true },
    'signed-out': { notified: [x, x], pending: [x, x] },
    'account/password': { ...password, cancelUrl: '/c', person: x, asksCurrent: true },
    'account/second-factors': {
      factors: [
        { id: x, kind: 'totp', name: x, createdAt: 0, lastUsedAt: 1 },
        { id: x, kind: 'totp', name: x, createdAt: 0, lastUsedAt: null },
      ],
      ...{ recoveryCodes: 10, addUrl: '/a', removeAction: '/r', recoveryCodesAction: '/c', notice: x },
    },
    'account/application-passwords': {
      passwords: [0, null].map((lastUsedAt) => ({ id: x, name: x, service: x, createdAt: 0, lastUsedAt })),
      services: [{ id: x, name: x }],
      ...{ form: x, values: { service: x, name: x }, action: '/a', revokeAction: '/r', notice: x },
    },
    'account/application-password': { password: x, name: x, service: x, login: x, listUrl: '/l' },
    'account/second-factor-setup': { ...totpSetup, cancelUrl: '/c' },
    'account/recovery-codes': { action: '/a', codes: [x] },
    'account/sign-ins': {
      signIns: [true, false].map((isFailed) => ({ at: 0, text: x, isFailed, device: x, app: x })),
      nextUrl: '/account/sign-ins?before=1',
      isFirstPage: false,
    },
    'forgot-account/request': {
      action: '/a',
      values: { national_id: x, contact: x },
      errors: { national_id: x, contact: x },
      ...{ alert: x, humanCheck: x },
    },
    'forgot-account/sent': {},
    'account/contacts': {
      ...{ email: { value: x, isVerified: false }, pendingEmail: x, mobile: x, pendingMobile: x, account: x },
      values: { email: x, mobile: x, account: x },
      languages: [{ tag: 'en', name: x, isChosen: true }],
      errors: { email: x, mobile: x, account: x },
      ...{ alert: x, notice: x },
    },
    'account/guardians': {
      guardians: [undecided, declined, { ...declined, isConsentAwaited: false }],
      notice: x,
    },
    'account/guardian': { guardian: undecided },
    'account/child': {
      id: x,
      name: x,
      requestedAt: undefined,
      values: { reason: x },
      errors: { reason: x },
      notice: x,
    },
    'account/contacts-confirm': { email: x },
    'account/email-revert': { action: x, email: x },
    'account/contact-removal': { kind: 'mobile', login: x, pending: x },
    'account/overview': {
      schoolContacts,
      changes: [{ at: 0, text: x, origin: x }],
      changesThrough: 1,
      ...{ removalAt: 0, hasGuardians: true, needsConsent: true },
      consoleUrl: '/console',
      isSchoolAccount: false,
      hasApplicationPasswords: true,
      directoryServices: [x],
      applicationState: 'submitted',
      person: {
        name: x,
        identifiers: [
          { kind: 'email', value: x },
          { kind: 'mobile', value: x },
          { kind: 'account', value: x },
        ],
      },
      roles: ROLES.map((role) => ({ role, school: x, detail: x })),
      children: [
        { id: x, name: x, school: x, class: x, relation: 'parent', permissions: PERMISSIONS, hiddenFrom: [x] },
        {
          id: x,
          name: x,
          school: x,
          class: x,
          relation: 'caregiver',
          permissions: [],
          hiddenFrom: [],
          until: '2027-01-20',
        },
      ],
      unusedApps: [{ name: x, url: x }],
      sessions: [true, false].map((current) => ({ id: x, device: x, since: 0, until: 1, current })),
      apps: [{ id: x, name: x, since: 0, items: [x] }],
      notice: x,
    },
    'device/code': { action: '/device', xsrf: x, userCode: x, errors: { user_code: x }, alert: x },
    'device/confirm': {
      action: '/device',
      xsrf: x,
      userCode: x,
      app,
      account,
      otherAccountValue: x,
    },
    'device/done': { app, account },
    'password-reset/new-password': { ...password, name: '', login: '', link: x, account: x, purpose: 'reset' },
    'password-reset/request': { action: '/a', values: { login: x }, errors: { login: x }, signInUrl: '/s' },
    'password-reset/sent': {
      ...{
        minutes: 30,
        login: 'daming.wang@parents.example',
        errors: {},
        action: '/forgot-password',
        formPage: '/forgot-password?sent',
        signInUrl: '/account',
      },
    },
    'password-reset/done': { signInUrl: '/s', purpose: 'reset' },
    'password-reset/expired': { requestUrl: '/r', signInUrl: '/account', isReplaced: false },
    'console/home': {
      name: x,
      capacities: CAPACITIES.map((capacity) => ({ capacity, school: x })),
      ...{ waiting: waitingSample, dashboards: [dashboardSample(x)] },
    },
    'console/search': {
      q: x,
      people: [{ id: x, name: x, isDisabled: true, lines: [x], logins: [x] }],
      nextUrl: '/n',
      isFirstPage: true,
    },
    'console/person': {
      id: x,
      name: x,
      state: x,
      stateText: x,
      lines: [x],
      logins: [{ kind: 'email', value: x, isVerified: false }],
      pendingMobile: x,
      guardianships: [true, false].map((isGuardian) => ({
        id: x,
        guardian: { id: x, name: x },
        student: { id: x, name: x },
        relation: x,
        state: 'suspended',
        until: '2027-01-20',
        isGuardian,
        reason: x,
        actions: GUARDIANSHIP_ACTION_NAMES,
      })),
      nationalId: x,
      removalAt: 0,
      requests: DYNAMIC_KEYS['requests.state'].map((state) => ({ id: x, action: 'merge', state, requestedAt: 0 })),
      signIns: [{ at: 0, text: x, isFailed: true, address: x, app: x }],
      sessions: [{ device: x, address: x, since: 0 }],
      actions: PERSON_ACTION_NAMES,
      notice: x,
    },
    'console/action': {
      id: x,
      name: x,
      lines: [x],
      stateText: x,
      action: 'change-email',
      version: 1,
      isAllowed: true,
      needsConfirmation: true,
      mergeUrl: x,
      hasInput: true,
      isOnDocuments: true,
      isDestructive: true,
      child: x,
      values: { reason: x, value: x },
      errors: { reason: x },
      alert: x,
    },
    ...sampleBureauLocals(x),
    'console/slip': { id: x, name: x, school: x, logins: [x], signInUrl: x, code: x, expiresAt: 0 },
    ...clientPages(x),
    ...staffRequestSamples(x),
    ...answerSamples(x),
    ...reviewSamples(x),
    ...auditSamples(x),
    message: {
      title: x,
      text: x,
      actions: [{ label: x, href: '/h', primary: true }],
      status: 500,
      ...{ account, schoolContacts },
      reference: x,
      autoSubmit: { action: '/a', fields: { xsrf: x }, label: x },
    },
  };
}
