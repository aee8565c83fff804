/** Interface text that both apps use. */
export const LANGUAGES = ['zh-TW', 'en'] as const;
export type Language = (typeof LANGUAGES)[number];
export type Dictionary = Readonly<Record<string, Readonly<Record<Language, string>>>>;
export type Translate = (key: string, values?: Record<string, string | number>) => string;

export const sharedTranslations = {
  skip: { 'zh-TW': '跳到主要內容', en: 'Skip to main content' },
  signIn: { 'zh-TW': '使用校園單一身分驗證登入', en: 'School account sign-in' },
  signInAgain: { 'zh-TW': '重新登入', en: 'Sign in again' },
  chooseAgain: { 'zh-TW': '重新選擇身分', en: 'Choose another role' },
  continueAs: { 'zh-TW': '繼續使用', en: 'Continue' },
  signedInAs: { 'zh-TW': '您已登入：{who}', en: 'Signed in as {who}' },
  signOut: { 'zh-TW': '登出', en: 'Sign out' },
  menu: { 'zh-TW': '身分選單', en: 'Role menu' },
  ownRoles: { 'zh-TW': '我的身分', en: 'My roles' },
  children: { 'zh-TW': '我的孩子', en: 'My children' },
  account: { 'zh-TW': '我的帳號', en: 'My account' },
  language: { 'zh-TW': '語言', en: 'Language' },
  current: { 'zh-TW': '目前', en: 'current' },
  youLookAt: { 'zh-TW': '您正在查看', en: 'Viewing' },
  youAre: { 'zh-TW': '您目前的身分', en: 'Signed in as' },
  parentOf: { 'zh-TW': '家長：{child}', en: 'Parent of {child}' },
  childUnnamed: { 'zh-TW': '您的孩子', en: 'your child' },
  roleAt: { 'zh-TW': '{role}：{school}', en: '{role} at {school}' },
  termName: { 'zh-TW': '{year} 學年度第 {semester} 學期', en: 'Semester {semester}, school year {year}' },
  term: { 'zh-TW': '學期', en: 'Term' },
  className: { 'zh-TW': '{grade} 年級 {number} 班', en: 'Grade {grade}, Class {number}' },
  'role.parent': { 'zh-TW': '家長', en: 'Parent' },
  'role.student': { 'zh-TW': '學生', en: 'Student' },
  'role.teacher': { 'zh-TW': '教師', en: 'Teacher' },
  'role.staff': { 'zh-TW': '職員', en: 'Staff' },
  'role.school_admin': { 'zh-TW': '學校管理者', en: 'School administrator' },
  'role.bureau_admin': { 'zh-TW': '局端管理者', en: 'City administrator' },
  noChild: {
    'zh-TW': '目前沒有可在「{app}」查看的學生資料。若您認為有誤，請洽學校。',
    en: 'You have no students to view in "{app}". If you think this is a mistake, contact your school.',
  },
  noChildTitle: { 'zh-TW': '沒有可查看的學生', en: 'No students to view' },
  noRoleTitle: { 'zh-TW': '這個身分在這裡沒有資料', en: 'Not available for this role' },
  notPermittedTitle: { 'zh-TW': '這個身分沒有權限', en: 'You do not have permission' },
  ended: {
    'zh-TW': '您的登入已結束，請重新登入。',
    en: 'Your session has ended. Sign in again.',
  },
  signedOut: { 'zh-TW': '您已登出。', en: 'You are signed out.' },
  refusedTitle: { 'zh-TW': '登入未完成', en: 'Sign-in was not completed' },
  otherAccount: { 'zh-TW': '以其他帳號登入', en: 'Sign in with a different account' },
  'refused.canceled': {
    'zh-TW': '您取消了登入。您可以隨時重新登入。',
    en: 'You canceled the sign-in. You can sign in again at any time.',
  },
  'refused.consent': {
    'zh-TW': '您沒有同意提供資料給「{app}」，因此無法登入。如果您改變主意，請重新登入。',
    en: 'You did not agree to share data with "{app}", so you are not signed in. If you change your mind, sign in again.',
  },
  'refused.noContext': {
    'zh-TW': '您登入的帳號沒有可在「{app}」使用的身分。請以其他帳號登入；若您認為有誤，請洽學校。',
    en: 'The account that you signed in with cannot use "{app}". Sign in with a different account. If you think this is a mistake, contact your school.',
  },
  'refused.schoolAccount': {
    'zh-TW': '學校帳號（P＋學號）不能使用「{app}」。請以您自己的家長帳號登入。',
    en: 'School accounts (P + student number) cannot use "{app}". Sign in with your own parent account.',
  },
  'refused.sharing': {
    'zh-TW': '您已要求停止提供資料，因此「{app}」無法使用。您可以在「我的帳號」恢復，或以其他帳號登入。',
    en: 'You have stopped the sharing of your data, so "{app}" is not available. You can resume it under "My account", or sign in with a different account.',
  },
  'refused.other': {
    'zh-TW': '登入沒有完成。您可以重新登入，或以其他帳號登入。',
    en: 'The sign-in did not finish. Try again, or sign in with a different account.',
  },
  expiredTitle: { 'zh-TW': '這個步驟已過期', en: 'This step has expired' },
  expired: {
    'zh-TW': '這個步驟已過期（可能開啟了太久或使用了上一頁）。請重新開始，不會有任何資料遺失。',
    en: 'This step has expired because it was open too long or you used the Back button. Start again; nothing is lost.',
  },
  askSignOutTitle: { 'zh-TW': '要登出嗎？', en: 'Sign out?' },
  askSignOut: {
    'zh-TW': '如果您不想登出，可以直接離開這一頁。',
    en: 'If you do not want to sign out, leave this page.',
  },
  unavailableTitle: { 'zh-TW': '登入服務暫時無法使用', en: 'The sign-in service is unavailable' },
  unavailable: {
    'zh-TW': '請稍候幾秒再試一次。',
    en: 'Wait a few seconds, then try again.',
  },
  tryAgain: { 'zh-TW': '再試一次', en: 'Try again' },
  notFoundTitle: { 'zh-TW': '找不到這個頁面', en: 'Page not found' },
  notFound: { 'zh-TW': '網址可能有誤，或頁面已移除。', en: 'The address may be wrong, or the page may have moved.' },
  methodTitle: { 'zh-TW': '此頁面不支援這項操作', en: "This action isn't supported" },
  method: { 'zh-TW': '這個頁面只供查看，資料沒有變更。', en: 'This page is read-only. Nothing was changed.' },
  badRequestTitle: { 'zh-TW': '無法處理您送出的資料', en: "We couldn't process your request" },
  badRequest: { 'zh-TW': '請回到首頁重新操作。', en: 'Go back to the home page and try again.' },
  brokenTitle: { 'zh-TW': '系統發生錯誤', en: 'Something went wrong' },
  broken: {
    'zh-TW': '我們已記錄這個問題（錯誤代碼：{reference}）。請稍後再試。',
    en: 'We have recorded the problem (error code: {reference}). Try again later.',
  },
  home: { 'zh-TW': '回首頁', en: 'Home page' },
  back: { 'zh-TW': '返回', en: 'Back' },
  demoFooter: {
    'zh-TW': '示範用應用程式，所有內容皆為虛構。',
    en: 'This is a demo app. All content is fictional.',
  },
} satisfies Dictionary;

/** The name of each language in itself. */
export const LANGUAGE_NAMES: Readonly<Record<Language, string>> = { 'zh-TW': '中文', en: 'English' };

/** @throws Error if no dictionary has the key */
export function translator(words: Dictionary, language: Language): Translate {
  return (key, values = {}) => {
    const text = words[key]?.[language];
    if (text === undefined) throw new Error(`no words for ${key}`);
    return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
  };
}

/**
 * Returns the language of a page when the person has not chosen one: the claim `locale`, otherwise that of the browser.
 *
 * @param accepts koa's result for Accept-Language; `false` if no language matches
 */
export function pickLanguage(locale: string | undefined, accepts: string | false): Language {
  if (locale !== undefined) {
    const known = LANGUAGES.find((language) => language.split('-')[0] === locale.toLowerCase().split(/[-_]/)[0]);
    if (known !== undefined) return known;
  }
  return accepts === 'en' ? 'en' : 'zh-TW';
}
