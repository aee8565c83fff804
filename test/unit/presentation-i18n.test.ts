import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { STAFF_CHANGES } from '../../src/domain/access/person-actions.ts';
import { DEFAULT_LANGUAGE } from '../../src/domain/text.ts';
import { DYNAMIC_KEYS } from '../../src/presentation/dynamic-keys.ts';
import { createI18n, type MessageParams } from '../../src/presentation/i18n.ts';

const root = join(import.meta.dirname, '../..');
const localesDir = join(root, 'config/locales');
const i18n = createI18n(localesDir);

/** Returns the messages of a language file by key; keys are joined with dots. */
function listMessages(lang: string): Map<string, string> {
  const found = new Map<string, string>();
  const walk = (prefix: string, value: unknown): void => {
    if (typeof value === 'string') found.set(prefix, value);
    else if (typeof value === 'object' && value !== null)
      for (const [key, inner] of Object.entries(value)) walk(prefix === '' ? key : `${prefix}.${key}`, inner);
  };
  walk('', JSON.parse(readFileSync(join(localesDir, `${lang}.json`), 'utf8')));
  return found;
}

function sources(dir: string, ending: string): string[] {
  return readdirSync(join(root, dir), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith(ending))
    .map((file) => readFileSync(join(root, dir, file), 'utf8'));
}

function matches(texts: readonly string[], pattern: RegExp): string[] {
  return texts.flatMap((text) => [...text.matchAll(pattern)].map((match) => match[1] ?? ''));
}

const original = listMessages(DEFAULT_LANGUAGE);
const families = Object.entries(DYNAMIC_KEYS);
const familyOf = (key: string): string | undefined => families.find(([family]) => key.startsWith(`${family}.`))?.[0];
const views = sources('views', '.ejs');
const code = sources('src', '.ts');

describe('language files and code', () => {
  it('every language has the same keys and placeholders, and no empty message', () => {
    const placeholders = (text: string | undefined): string[] =>
      [...(text ?? '').matchAll(/\{\w+\}/g)].map(String).sort();
    for (const lang of i18n.languages) {
      const words = listMessages(lang);
      assert.deepEqual([...words.keys()].sort(), [...original.keys()].sort(), lang);
      for (const [key, text] of words) {
        assert.notEqual(text.trim(), '', `${lang} ${key}`);
        assert.deepEqual(placeholders(text), placeholders(original.get(key)), `${lang} ${key}`);
      }
    }
  });

  it('every key in a view or in the code exists', () => {
    const named = [
      ...matches(views, /\bit\.t\(\s*'([^']+)'/g),
      ...matches(code, /\bt\(\s*[\w.]+(?:\([^()]*\))?,\s*'([^']+)'/g),
    ];
    assert.ok(named.length > 100);
    for (const key of named) assert.ok(original.has(key), `${key} has no message`);
  });

  it('every key that is composed at run time belongs to a family', () => {
    const prefixes = [
      ...matches(views, /\bit\.t\(\s*`([^`$]*)\.\$\{/g),
      ...matches(code, /\bt\(\s*[\w.]+(?:\([^()]*\))?,\s*`([^`$]*)\.\$\{/g),
    ];
    assert.ok(prefixes.length > 5);
    for (const prefix of prefixes) assert.ok(prefix in DYNAMIC_KEYS, `${prefix} is not a family`);
    const calls = matches(views, /\b(it\.t\()/g).length;
    assert.equal(
      matches(views, /\bit\.t\(\s*(['`])/g).length,
      calls,
      'a view composes a key in a way that cannot be checked',
    );
  });

  it('no key is unused', () => {
    const literals = new Set(matches([...views, ...code], /['"`]([a-z]\w*(?:\.\w+)+)['"`]/gi));
    const readByName = new Set(['language.name']);
    const unused = [...original.keys()].filter(
      (key) => familyOf(key) === undefined && !literals.has(key) && !readByName.has(key),
    );
    assert.deepEqual(unused, []);
  });

  it('each family has exactly its members', () => {
    for (const [family, members] of families) {
      const keys = [...original.keys()]
        .filter((key) => key.startsWith(`${family}.`))
        .map((key) => key.slice(family.length + 1));
      const parts = new Set(['title', 'text', 'detail', 'effect', 'submit', 'done']);
      const grouped = ['message', 'scope', 'console.action', 'clients.action', 'deadLetters.action'].includes(family);
      const found = new Set(
        keys.map((key) => (grouped && parts.has(key.split('.').at(-1) ?? '') ? key.replace(/\.\w+$/, '') : key)),
      );
      if (family === 'newPassword') for (const member of members) assert.ok(found.has(`${member}.title`), member);
      else assert.deepEqual([...found].sort(), [...members].sort(), family);
    }
  });
});

describe('messages that tests of other projects rely on', () => {
  const exact: readonly (readonly [key: string, zh: string, en: string, params?: MessageParams])[] = [
    ['signIn.loginHint', '電子郵件、手機號碼或自訂帳號', 'Email, mobile number or custom account name'],
    [
      'signIn.remember',
      '記住我（30 天內免再登入，公用電腦請勿勾選）',
      'Keep me signed in for 30 days (not on a shared computer)',
    ],
    [
      'alert.failed',
      '帳號或密碼不正確。第一次登入時，密碼是您本人身分證統一編號的最後六碼。',
      'Incorrect account or password. On your first visit, your password is the last six characters of your own ID number.',
    ],
    [
      'alert.tooMany',
      '嘗試次數過多，請於 10:05 後再試，或使用「忘記密碼」。',
      'Too many attempts. Try again after 10:05, or use "Forgot password?".',
      { time: '10:05' },
    ],
    [
      'alert.busy',
      '目前登入人數較多，請稍候幾秒再按一次，您輸入的資料都還在。',
      'Many people are signing in right now. Wait a few seconds and press the button again; what you entered has been kept.',
    ],
    ['newPassword.first.title', '請設定您自己的密碼', 'Choose your own password'],
    [
      'newPassword.first.why',
      '預設密碼別人可能知道。設定新密碼後，預設密碼立即失效。',
      'Others may know your first password. It stops working as soon as you choose a new one.',
    ],
    [
      'newPassword.policy',
      '至少 12 個字元；可以是一句話。不可包含姓名、電話、電子郵件或身分證字號。例如：「小貓愛吃魚」（請換成您自己的句子）。',
      'At least 12 characters; a sentence works well. Do not include your name, phone number, email or ID number. For example: "小貓愛吃魚" (choose a sentence of your own).',
      { min: 12, example: '小貓愛吃魚' },
    ],
    ['choose.title', '這次要以什麼身分使用？', 'How do you want to continue?'],
    [
      'choose.as.parent',
      '家長：王小安（示範高中 二年三班）',
      'Parent of 王小安 (示範高中, 二年三班)',
      { child: '王小安', school: '示範高中', class: '二年三班' },
    ],
    ['choose.as.teacher', '教師：示範高中', 'Teacher at 示範高中', { school: '示範高中' }],
    [
      'noChild.text',
      '目前沒有可在「學習歷程檔案」查看的學生資料。若您認為有誤，請洽學校。',
      'You have no students to view in "學習歷程檔案". If you think this is a mistake, contact your school.',
      { app: '學習歷程檔案' },
    ],
    [
      'message.expired.text',
      '這個步驟已過期（可能開啟了太久或使用了上一頁）。請重新開始，不會有任何資料遺失。',
      'This step has expired because it was open too long or you used the Back button. Start again; nothing is lost.',
    ],
    [
      'signedOut.told',
      '您已登出，並已通知：校園繳費系統。',
      'You have been signed out. These apps were notified: 校園繳費系統.',
      { apps: '校園繳費系統' },
    ],
  ];
  for (const [key, zh, en, params] of exact) {
    it(`is exact for ${key}`, () => {
      assert.equal(i18n.t('zh-TW', key, params), zh);
      assert.equal(i18n.t('en', key, params), en);
    });
  }
});

describe('sentences()', () => {
  it('joins sentences by the rules of the language', () => {
    assert.equal(i18n.sentences('zh-TW', ['不可包含姓名。', '太短。', '太長。']), '不可包含姓名。太短。太長。');
    assert.equal(i18n.sentences('en', ['No name.', 'Too {short}.', 'Too long.']), 'No name. Too {short}. Too long.');
    assert.equal(i18n.sentences('en', ['No name.']), 'No name.');
    assert.equal(i18n.sentences('en', []), '');
  });
});

describe('t', () => {
  it('inserts values', () => {
    assert.equal(
      i18n.t('zh-TW', 'choose.as.parent', { child: '王小安', school: '示範高中', class: '203' }),
      '家長：王小安（示範高中 203）',
    );
    assert.equal(i18n.t('en', 'choose.as.teacher', { school: 'Demo High' }), 'Teacher at Demo High');
  });

  it('falls back to the default language, then to the key', () => {
    assert.equal(i18n.t('xx', 'signIn.title'), '登入');
    assert.equal(i18n.t('en', 'no.such.words'), 'no.such.words');
  });

  it('inserts names literally, without keys, placeholders or templates', () => {
    for (const name of ['$t(signIn.title)', '{school}', '{{child}}', '<b>&', '\\', '$&'])
      assert.equal(i18n.t('en', 'choose.as.teacher', { school: name }), `Teacher at ${name}`);
    fc.assert(
      fc.property(fc.string(), (name) => i18n.t('en', 'choose.as.teacher', { school: name }) === `Teacher at ${name}`),
    );
  });
});

describe('dates and times', () => {
  it('are formatted in the time zone of the city', () => {
    const instant = Date.UTC(2026, 10, 23, 16, 5);
    assert.match(i18n.formatDateTime('zh-TW', instant), /2026年11月24日.*00:05/);
    assert.match(i18n.formatDateTime('en', instant), /November 24, 2026.*00:05/);
    assert.equal(i18n.clock('zh-TW', instant), '00:05');
    assert.equal(i18n.day('zh-TW', '2027-01-20'), '2027年1月20日');
    assert.equal(i18n.day('en', '2027-01-20'), 'January 20, 2027');
    assert.equal(i18n.clock('en', instant), '00:05');
    assert.equal(createI18n(localesDir, 'Europe/Berlin').clock('en', instant), '17:05');
    assert.match(createI18n(localesDir, 'Europe/Berlin').formatDateTime('en', instant), /November 23, 2026.*17:05/);
  });
});

describe('createI18n', () => {
  const withFiles = (files: Record<string, string>, check: (dir: string) => void): void => {
    const dir = mkdtempSync(join(tmpdir(), 'locales-'));
    try {
      for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text);
      check(dir);
    } finally {
      rmSync(dir, { recursive: true });
    }
  };

  it('no code depends on a specific language', () => {
    const named = /['"](?:zh|en)(?:-[A-Z]+)?['"]/;
    const asking = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts') && named.test(readFileSync(join(root, 'src', file), 'utf8')))
      // The test person of the conformance profile has English as the language.
      .filter((file) => file !== join('oidc', 'conformance', 'test-person.ts'));
    assert.deepEqual(asking, [join('domain', 'text.ts')]);
  });

  it('an additional file adds a language', () => {
    const file = (name: string): string =>
      JSON.stringify({ language: { name }, a: name, list: { sentences: `{first}${name}{next}` } });
    withFiles({ 'vi.json': file('Tiếng Việt'), 'en.json': file('English'), 'zh-TW.json': file('中文') }, (dir) => {
      const more = createI18n(dir);
      assert.deepEqual(more.languages, ['zh-TW', 'en', 'vi']);
      assert.equal(more.names['vi'], 'Tiếng Việt');
      assert.equal(more.t(more.negotiate({ acceptLanguage: 'vi-VN' }), 'a'), 'Tiếng Việt');
      assert.equal(more.sentences('vi', ['1', '2']), '1Tiếng Việt2');
    });
  });

  it('the error for an invalid file names the file', () => {
    withFiles({ 'zh-TW.json': '{"language":{}}' }, (dir) => {
      assert.throws(() => createI18n(dir), /zh-TW\.json/);
    });
    withFiles({ 'en.json': '{"language":{"name":"English"}}' }, (dir) => {
      assert.throws(() => createI18n(dir), /missing/);
    });
  });

  it('has a text for every event of the audit log', () => {
    const named = matches(code, /\bevent: '([a-z_]+\.[a-z_]+)'/g);
    const staff = Object.values(STAFF_CHANGES).map((action) => `staff.${action}`);
    const texts: readonly string[] = DYNAMIC_KEYS['auditViewer.event'];
    const missing = [...named, ...staff].filter((event) => !texts.includes(event.replace('.', '-')));
    assert.deepEqual([...new Set(missing)].sort(), []);
  });
});
