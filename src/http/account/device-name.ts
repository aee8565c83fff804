import Bowser from 'bowser';
import type { Context } from 'koa';
import { DEVICE_NAME_SEPARATOR } from '../../presentation/device-text.ts';
import type { HttpDeps } from '../deps.ts';

/** Apps that open pages in a browser of their own. They call it Chrome or Safari and add their name. */
const APPS: readonly (readonly [RegExp, string])[] = [
  [/\bLine\//, 'LINE'],
  [/\bFB_?(?:AN|AV|IAB)\b/, 'Facebook'],
  [/\bInstagram\b/, 'Instagram'],
];

/** Makers of Android devices, by the model in the user agent. Newer browsers send `K` for every model, which names no maker. */
const MAKERS: readonly (readonly [RegExp, string])[] = [
  [/\bSM-|SAMSUNG|SamsungBrowser/, 'Samsung'],
  [/\bPixel\b/, 'Pixel'],
  [/\bCPH\d|\bOPPO\b/, 'OPPO'],
  [/\bRMX\d|realme/, 'realme'],
  [/\bvivo\b/, 'vivo'],
  [/\bRedmi\b|\bXiaomi\b|\bMI \w|\bPOCO\b/, 'Xiaomi'],
  [/\bASUS/, 'ASUS'],
  [/\bHTC\b/, 'HTC'],
  [/\bXQ-|\bSO-\d|\bSony\b/, 'Sony'],
];

const BROWSERS: Readonly<Record<string, string>> = {
  'Samsung Internet for Android': 'Samsung Internet',
  'Microsoft Edge': 'Edge',
};
/** Other models come from the user agent, so their text is the sender's. */
const MODELS = ['iPhone', 'iPad', 'iPod'];
const SYSTEMS: Readonly<Record<string, string>> = { macOS: 'Mac', 'Chrome OS': 'Chromebook' };

/**
 * Returns the app and the device of a user agent, as people call them: `LINE · iPhone`; undefined if both are unknown. It holds names of
 * fixed lists only, because a mail contains it and anyone can request the mail.
 */
export function findDeviceName(userAgent: string): string | undefined {
  if (userAgent === '') return undefined;
  const { browser, os, platform } = Bowser.parse(userAgent);
  const app = firstMatch(APPS, userAgent) ?? known(Object.values(Bowser.BROWSER_MAP), browser.name, BROWSERS);
  const model = os.name === 'Android' ? firstMatch(MAKERS, userAgent) : known(MODELS, platform.model);
  const device = model ?? known(Object.values(Bowser.OS_MAP), os.name, SYSTEMS);
  const name = [app, device].filter((part) => part !== undefined && part !== '').join(DEVICE_NAME_SEPARATOR);
  return name === '' ? undefined : name;
}

function firstMatch(table: readonly (readonly [RegExp, string])[], userAgent: string): string | undefined {
  return table.find(([pattern]) => pattern.test(userAgent))?.[1];
}

/** Returns a name of the list, as people call it; undefined for other text. */
function known(
  list: readonly string[],
  name: string | undefined,
  called: Readonly<Record<string, string>> = {},
): string | undefined {
  return name !== undefined && list.includes(name) ? (called[name] ?? name) : undefined;
}

/** Returns the device of the request, for records and mails. */
export function deviceOf(ctx: Context): string | undefined {
  return findDeviceName(ctx.get('user-agent'));
}

/** Describes a device in the language of the page. */
export function describeUserAgent({ i18n, pages }: HttpDeps, ctx: Context, userAgent: string): string {
  return i18n.device(pages.langOf(ctx), findDeviceName(userAgent));
}
