import { DEMO_DIRECTORY_SECRET } from '../src/config/public-secrets.ts';
import { DEMO_PASSWORD } from './city/named-people.ts';
import { REGISTERED_FATHER } from './register.ts';
import { addressOf, DIRECTORY_BASE, type DemoSettings } from './settings.ts';

/** Name, login, password, and what the account shows. */
const ACCOUNTS: readonly (readonly [string, string, string, string])[] = [
  ['王大明', 'daming.wang@parents.example', '100201', '第一次登入：設定密碼 first sign-in: choose a password'],
  ['李美玲', 'meiling.li@parents.example', DEMO_PASSWORD, '兩個孩子 two children'],
  ['陳淑芬', 'shufen.chen', DEMO_PASSWORD, '教師兼家長 teacher and parent'],
  [
    '周建國',
    'jianguo.zhou@parents.example',
    DEMO_PASSWORD,
    '親子關係已暫停：沒有可查看的學生 guardianship suspended: no students to view',
  ],
  [
    '周林秀',
    'xiu.lin@parents.example',
    DEMO_PASSWORD,
    '受託照顧者：不能查看學習歷程檔案 caregiver: no access to the portfolio',
  ],
  ['Nguyen Thi Lan', 'lan.nguyen@parents.example', DEMO_PASSWORD, '英文介面 English pages'],
  ['王小安', 'an.wang', DEMO_PASSWORD, '學生 student'],
];

/** School accounts of families: school, account, first password, what the family has. */
const FAMILIES: readonly (readonly [string, string, string, string])[] = [
  ['示範高中', 'P11330003', 'Y200200404', '尚無家長帳號 no guardian yet'],
  ['明德高中', 'P11330001', 'Y200300203', '同一學號，另一所學校 the same number at another school'],
];

const { name, guardianId } = REGISTERED_FATHER;
/** The applicant for the student of P11330003 whom the register has. */
const REGISTERED = { account: 'P11330003', name, relation: '父親 father', guardianId };

/** Staff: name, login, what the account does. The first visit leads to the enrollment of a second factor. */
const STAFF: readonly (readonly [string, string, string])[] = [
  ['張立人', 'it.993301', '資訊組 school IT desk'],
  ['許雅文', 'reg.993301', '註冊組 registrar'],
  ['林志豪', 'zhihao.lin', '導師 homeroom teacher'],
  ['黃局長室', 'bureau', '局端管理者 bureau administrator'],
];

/** Returns the width of a text in terminal columns. Chinese characters take two. */
function width(text: string): number {
  return Array.from(text).reduce(
    (sum, sign) => sum + (/[\p{Script=Han}\u3000-\u303f\uff00-\uff60]/u.test(sign) ? 2 : 1),
    0,
  );
}

function lines(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => width(row[column] ?? ''))));
  return rows.map((row) =>
    `  ${row.map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - width(cell))).join('  ')}`.trimEnd(),
  );
}

/** Builds the text that the demo prints when it is ready: addresses, accounts, and how to stop. */
export function banner(settings: DemoSettings): string {
  const addresses = [
    ['學習歷程檔案 Learning portfolio', addressOf(settings, 'portfolio')],
    ['校園繳費系統 Campus payment', addressOf(settings, 'payment')],
    ['登入服務 Sign-in service', `${addressOf(settings, 'service')}/account`],
    ['管理後台 Staff console', `${addressOf(settings, 'service')}/console`],
    ['信箱 Mailbox', addressOf(settings, 'mail')],
    ['目錄 Directory (LDAP)', `ldap://localhost:${settings.ports.directory} (docs/directory.md)`],
  ];
  return [
    '',
    '示範市已啟動 The demo city is running',
    '',
    ...lines(addresses),
    '',
    '試用帳號 Accounts to try (name, account, password)',
    ...lines(ACCOUNTS),
    '',
    `學校帳號 School accounts (school, account, first password), at ${addressOf(settings, 'service')}/binding`,
    ...lines(FAMILIES),
    `  名冊相符，送出後立即核准 approved at once by the register: ${Object.values(REGISTERED).join(' ')}`,
    '',
    `管理後台帳號 Staff accounts (password ${DEMO_PASSWORD}; the first visit sets up a second factor)`,
    ...lines(STAFF),
    '',
    '目錄服務帳號 Service account of the directory (bind DN, secret)',
    `  cn=directory-demo,ou=services,${DIRECTORY_BASE}  ${DEMO_DIRECTORY_SECRET}`,
    '',
    `資料 Data: ${settings.folder}`,
    '按 Ctrl-C 停止，資料會保留；npm run demo -- --fresh 清除資料並重新開始',
    'Ctrl-C stops all processes and keeps the data; npm run demo -- --fresh starts over',
    '',
  ].join('\n');
}
