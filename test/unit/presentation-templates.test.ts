import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import { z } from 'zod';
import { brandCss, contrast, loadBrand, SURFACES } from '../../src/presentation/brand.ts';
import { createI18n, type I18n } from '../../src/presentation/i18n.ts';
import type { PageName } from '../../src/presentation/page-locals/index.ts';
import { assetHash, createTemplates } from '../../src/presentation/templates.ts';
import { samplePageLocals, SIGN_IN_LINKS } from '../helpers/page-samples.ts';

const root = join(import.meta.dirname, '../..');
const words = createI18n(join(root, 'config/locales'));
/** As in production, but a missing message or a missing value fails the test. */
const i18n: I18n = {
  ...words,
  t: (lang, key, vars) => {
    const text = words.t(lang, key, vars);
    assert.notEqual(text, key, `${key} has no message`);
    for (const [, placeholder = ''] of words.t(lang, key).matchAll(/\{(\w+)\}/g))
      assert.ok(vars?.[placeholder] !== undefined, `${key}: no value for ${placeholder}`);
    return text;
  },
};
const brand = loadBrand(join(root, 'config/brand.json'));
const templates = createTemplates({ viewsDir: join(root, 'views'), publicDir: join(root, 'public'), i18n, brand });

const languageLinks = [
  { lang: 'zh-TW', label: '中文', href: '/language?to=zh-TW', current: true },
  { lang: 'en', label: 'English', href: '/language?to=en', current: false },
];

function render(name: PageName, x = 'Ann', lang = 'zh-TW'): string {
  return templates.page(name, lang, { ...samplePageLocals(x)[name], languageLinks });
}

function isPageName(name: string): name is PageName {
  return name in samplePageLocals('');
}
const pageNames = Object.keys(samplePageLocals('')).filter(isPageName);
const attributes = (html: string, name: string): string[] =>
  [...html.matchAll(new RegExp(` ${name}="([^"]*)"`, 'g'))].map((match) => match[1] ?? '');

describe('pages', () => {
  it('have a sample for every view', () => {
    const views = readdirSync(join(root, 'views'), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ejs') && !/^(partials|mail)\/|^layout/.test(file))
      .map((file) => file.slice(0, -'.ejs'.length));
    assert.deepEqual([...pageNames].sort(), views.sort());
  });

  for (const name of pageNames) {
    it(`${name} is a complete page in every language`, () => {
      for (const lang of words.languages) {
        const html = render(name, 'Ann', lang);
        assert.ok(html.startsWith('<!doctype html>'));
        assert.ok(html.includes(`<html lang="${lang}">`));
        assert.match(html, new RegExp(`<title>[^<]+｜${brand.name[lang] ?? ''}</title>`));
        assert.match(html, /<meta name="viewport" content="width=device-width, initial-scale=1"/);
        assert.equal(html.match(/<h1/g)?.length, 1);
        for (const part of ['class="skip" href="#main"', '<header', '<main id="main"', '<footer', 'hreflang="en"'])
          assert.ok(html.includes(part), part);
        assert.ok(html.includes(brand.support[lang]?.replaceAll("'", '&#39;') ?? 'support'));
      }
    });

    it(`${name} keeps the strict content policy and has no broken id references`, () => {
      const html = render(name);
      assert.doesNotMatch(html, /<style|\sstyle=|\son\w+=|<script(?![^>]* src=)|javascript:/i);
      const ids = attributes(html, 'id');
      assert.equal(new Set(ids).size, ids.length, 'an id occurs twice');
      const refs = ['for', 'aria-describedby', 'aria-labelledby', 'data-reveal', 'data-strength'].flatMap((attribute) =>
        attributes(html, attribute).flatMap((value) => value.split(' ')),
      );
      for (const ref of refs) assert.ok(ids.includes(ref), `nothing has the id ${ref}`);
      for (const src of [...attributes(html, 'src'), ...html.matchAll(/<link[^>]* href="([^"]+)"/g)].map(String))
        assert.match(src, /\/assets\/[\w.-]+\?v=[0-9a-f]{12}/);
    });

    it(`${name} escapes its values`, () => {
      const hostile = `"'><img src=y onerror=alert(1)><%= 1 %>{app}$t(role.parent)`;
      const html = render(name, hostile);
      assert.ok(!html.includes('<img src=y'), 'a tag came through');
      assert.ok(!html.includes(`"'>`), 'a quote came through');
    });
  }
});

describe('stable selectors and fields', () => {
  const submitOf = (html: string): number => html.match(/<button id="submit"[^>]*type="submit"/g)?.length ?? 0;

  it('the sign-in page has the fields, the submit button and the error summary', () => {
    const html = render('interaction/sign-in');
    assert.match(html, /<input id="login" name="login"[^>]*autocomplete="username webauthn"/);
    assert.match(html, /<input id="password" name="password"[^>]*autocomplete="current-password"/);
    assert.match(html, /<input id="remember" name="remember" type="checkbox" value="yes" checked/);
    assert.equal(submitOf(html), 1);
    assert.ok(html.includes('前往：Ann'));
    const alert = /<div class="error-summary" role="alert"[\s\S]*?<\/form>/.exec(html)?.[0] ?? '';
    assert.match(alert, /href="#login"/);
    assert.match(html, /<title>錯誤：/);
  });

  it('the busy sign-in page keeps the typed password; no other page contains one', () => {
    const locals = samplePageLocals('Ann')['interaction/sign-in'];
    const busy = { ...locals, values: { login: 'a', remember: false, password: 'p"w' } };
    assert.match(templates.page('interaction/sign-in', 'en', busy), /name="password"[^>]* value="p&#34;w"/);
    assert.doesNotMatch(render('interaction/sign-in'), /type="password"[^>]* value=/);
  });

  it('the reauthentication page has a fixed login and asks for the password only', () => {
    const html = templates.page('interaction/sign-in', 'zh-TW', {
      ...samplePageLocals('Ann')['interaction/sign-in'],
      isReauthentication: true,
    });
    assert.match(html, /name="login"[^>]*value="Ann" readonly/);
    assert.ok(!html.includes('name="remember"'));
  });

  it('a page without errors has no alert', () => {
    const locals = { action: '/a', values: { login: '', remember: false }, errors: {}, isReauthentication: false };
    const html = templates.page('interaction/sign-in', 'en', { ...locals, ...SIGN_IN_LINKS });
    assert.doesNotMatch(html, /role="alert"|aria-invalid|前往|Continue to| checked/);
  });

  it('every text field of the forms of families names the key that continues', () => {
    const pages: PageName[] = [
      'interaction/sign-in',
      'interaction/new-password',
      'interaction/school-sign-in',
      'password-reset/request',
    ];
    const more: PageName[] = [
      'forgot-account/request',
      'account/contacts',
      'binding/applicant',
      'device/code',
      'account/password',
    ];
    for (const page of [...pages, ...more]) {
      const fields = render(page).match(/<input [^>]*type="(?:text|password|email|tel)"[^>]*>/g) ?? [];
      for (const field of fields.filter((one) => !one.includes(' hidden')))
        assert.match(field, /enterkeyhint="(?:next|go)"/, page);
    }
    const html = render('interaction/new-password');
    for (const name of ['new_password', 'confirm_password']) {
      assert.match(html, new RegExp(`<input id="${name}"[^>]* minlength="12" passwordrules="minlength: 12;"`));
    }
  });

  it('the new-password page may ask for the current password and contains none', () => {
    const html = render('interaction/new-password');
    for (const name of ['current_password', 'new_password', 'confirm_password'])
      assert.match(html, new RegExp(`<input id="${name}" name="${name}"[^>]*type="password"`));
    assert.doesNotMatch(html, /type="password"[^>]* value=/);
    assert.match(html, /name="username" autocomplete="username" value="Ann" readonly hidden/);
    assert.ok(html.includes('請設定您自己的密碼'));
    const reset = templates.page('password-reset/new-password', 'zh-TW', {
      ...samplePageLocals('Ann')['password-reset/new-password'],
      errors: {},
    });
    assert.ok(!reset.includes('current_password'));
    assert.ok(reset.includes('設定新密碼'));
    assert.ok(render('account/password').includes('變更密碼'));
  });

  it('the account selection has buttons; the last used is marked and not moved', () => {
    const html = render('interaction/select-account');
    const buttons = [...html.matchAll(/<button class="choice[^"]*" name="choice" value="([^"]*)"/g)].map(
      (match) => match[1],
    );
    assert.deepEqual(buttons, ['Ann0', 'Ann1', 'Ann2', 'Ann3', 'Ann4', 'Ann5']);
    assert.equal(html.match(/上次使用/g)?.length, 1);
  });

  it('consent, sign-out and no-context pages have one submit button', () => {
    const consent = render('interaction/consent');
    assert.match(consent, /name="consent" value="accept"/);
    assert.match(consent, /name="consent" value="deny"/);
    assert.ok(consent.includes('app.example'));
    const signOut = render('sign-out');
    assert.match(signOut, /type="hidden" name="request" value="Ann"/);
    for (const html of [consent, signOut, render('interaction/no-context'), render('password-reset/request')])
      assert.equal(submitOf(html), 1);
  });

  it('the account page has forms to revoke apps and other sessions', () => {
    const html = render('account/overview');
    assert.equal(html.match(/action="\/account\/sessions\/revoke"/g)?.length, 1);
    assert.match(html, /name="session" value="Ann"/);
    assert.match(html, /action="\/account\/sessions\/revoke-others"/);
    assert.match(html, /name="app" value="Ann"/);
    assert.match(html, /href="\/account\/password"/);
    assert.match(html, /href="\/session\/end"/);
  });

  it('a long list of permissions is one sentence, which opens', () => {
    const html = render('account/overview');
    assert.match(html, /<summary>您可以：查看學習歷程檔案、繳費等 10 項 <span>查看全部<\/span><\/summary>/);
    assert.match(html, /<p class="row-detail">查看學習歷程檔案、繳費、.*、簽署同意書<\/p>/);
  });
});

describe('interface text with values', () => {
  it('contains the exact values', () => {
    assert.ok(render('signed-out').includes('您已登出，並已通知：Ann、Ann。'));
    assert.ok(render('signed-out').includes('正在通知：Ann、Ann。'));
    assert.ok(render('interaction/no-context').includes('目前沒有可在「Ann」查看的學生資料。若您認為有誤，請洽學校。'));
  });
});

describe('mails', () => {
  const link = 'https://id.example/reset-password?token=a&b=c';

  it('have plain text, escaped HTML and a one-line subject', () => {
    for (const lang of words.languages) {
      const mail = templates.mail('reset-link', lang, { name: 'A<b>\r\nBcc: x', link, minutes: 30 });
      assert.ok(mail.subject.endsWith(brand.name[lang] ?? 'name'));
      assert.doesNotMatch(mail.subject, /[\r\n]/);
      assert.ok(mail.text.includes(link) && mail.text.includes('30'));
      assert.ok(mail.text.includes('A<b>'));
      assert.ok(mail.html.includes('A&lt;b&gt;'));
      assert.doesNotMatch(mail.html, /<img|<script|<link|https?:\/\/(?!id\.example)/);
    }
  });

  it('have their only links as buttons', () => {
    const folder = join(root, 'views/mail');
    const withLink = readdirSync(folder).filter((file) => readFileSync(join(folder, file), 'utf8').includes('<a '));
    assert.deepEqual(withLink, ['button.ejs']);
  });

  it('for a changed password contain the time and the reset link', () => {
    const mail = templates.mail('password-changed', 'zh-TW', {
      name: '王大明',
      changedAt: Date.UTC(2026, 10, 23, 1),
      link,
    });
    assert.match(mail.text, /^王大明，您好：\n\n您的密碼已於 2026年11月23日.*09:00 變更/);
    assert.ok(mail.text.includes(link) && mail.html.includes('token=a&amp;b=c'));
    assert.ok(mail.text.includes(brand.support['zh-TW']));
  });
});

describe('assets and brand', () => {
  it('asset URLs change with the content', () => {
    assert.match(templates.asset('style.css'), /^\/assets\/style\.css\?v=[0-9a-f]{12}$/);
    assert.notEqual(assetHash('a'), assetHash('b'));
    assert.throws(() => templates.asset('../package.json'));
    for (const [name, type] of [
      ['form.js', 'text/javascript; charset=utf-8'],
      ['simplewebauthn.js', 'text/javascript; charset=utf-8'],
      ['altcha/pow.js', 'text/javascript; charset=utf-8'],
      ['altcha/workers/shared.js', 'text/javascript; charset=utf-8'],
      ['style.css', 'text/css; charset=utf-8'],
      ['brand.css', 'text/css; charset=utf-8'],
      ['logo.svg', 'image/svg+xml; charset=utf-8'],
    ] as const) {
      const asset = templates.assets.get(name);
      assert.ok(asset && asset.body.length > 0, name);
      assert.deepEqual([asset.type, asset.hash], [type, assetHash(asset.body)], name);
    }
    assert.equal(templates.assets.get('brand.css')?.body.toString(), brandCss(brand));
  });

  it('the sign-in page weighs at most 30 kB with its assets when compressed', () => {
    const html = render('interaction/sign-in');
    const names = new Set([...html.matchAll(/"\/assets\/([^"?]+)/g)].map(([, name = '']) => name));
    const bodies = [...names].map((name) => templates.assets.get(name)?.body ?? assert.fail(name));
    const bytes = [html, ...bodies].reduce((sum, body) => sum + gzipSync(body).length, 0);
    assert.ok(names.has('style.css') && bytes <= 30_000, `${String(bytes)} bytes`);
  });

  it('colors have enough contrast in light and dark mode', () => {
    assert.equal(Math.round(contrast('#000000', '#ffffff')), 21);
    const css = brandCss(brand);
    for (const name of ['accent', 'danger'])
      for (const mode of [0, 1]) {
        const under = [...css.matchAll(new RegExp(`--${name}:(#\\w+)`, 'g'))][mode]?.[1] ?? '';
        const on = [...css.matchAll(new RegExp(`--on-${name}:(#\\w+)`, 'g'))][mode]?.[1] ?? '';
        assert.ok(contrast(under, on) >= 4.5, `${name} ${mode}`);
        assert.ok(contrast(under, mode === 0 ? SURFACES.light : SURFACES.dark) >= 4.5);
      }
    const style = readFileSync(join(root, 'public/style.css'), 'utf8');
    for (const surface of Object.values(SURFACES)) assert.ok(style.includes(`--surface: ${surface}`));
  });
});

describe('the password strength meter', () => {
  it('grades length, repetition and personal information', async () => {
    const module: unknown = await import(pathToFileURL(join(root, 'public/password.js')).href);
    type Grade = (password: string, minLength: number, own?: string[]) => number;
    const schema = z.object({ grade: z.custom<Grade>((value) => typeof value === 'function') });
    const { grade } = schema.parse(module);
    assert.equal(grade('', 12), 0);
    for (const weak of [
      'k3#Vq9!zP',
      'aaaaaaaaaaaaaaaa',
      'abcabcabcabcabc',
      '12345678901234',
      'passwordpassword',
      '曉曉曉曉曉曉曉曉曉曉曉曉',
    ])
      assert.equal(grade(weak, 12), 1, weak);
    assert.equal(grade('daming.wang12', 12, ['daming', 'wang']), 1);
    assert.ok(grade('我家的貓最愛吃阿嬤煮的魚罐頭', 12) >= 3);
    assert.ok(grade('correct horse battery', 12) >= 3);
    assert.ok(grade('k3#Vq9!zPw7Lm2', 12) >= 3);
  });
});
