import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { findDeviceName } from '../../src/http/account/device-name.ts';
import { createI18n } from '../../src/presentation/i18n.ts';

const IPHONE = 'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)';
const WEBKIT = 'AppleWebKit/537.36 (KHTML, like Gecko)';
const android = (model: string): string => `Mozilla/5.0 (Linux; Android 14; ${model}) ${WEBKIT}`;

/** User agents as phones and computers send them, with the name that people use. */
const NAMES: readonly (readonly [string, string | undefined])[] = [
  [`${IPHONE} Mobile/15E148 Safari Line/14.8.0`, 'LINE · iPhone'],
  [`${IPHONE} Version/17.5 Mobile/15E148 Safari/604.1`, 'Safari · iPhone'],
  [`${IPHONE} CriOS/126.0.6478.54 Mobile/15E148 Safari/604.1`, 'Chrome · iPhone'],
  [`${IPHONE} Mobile/21E236 [FBAN/FBIOS;FBAV/466.0.0.40.105;FBDV/iPhone14,5]`, 'Facebook · iPhone'],
  [`${IPHONE} Mobile/21E236 Instagram 332.0.0.28.88 (iPhone14,5; iOS 17_4_1; zh_TW)`, 'Instagram · iPhone'],
  [`${IPHONE} Mobile/15E148 MicroMessenger/8.0.49(0x18003137) NetType/WIFI`, 'WeChat · iPhone'],
  [
    'Mozilla/5.0 (iPad; CPU OS 15_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/15.6 Mobile/15E148 Safari/604.1',
    'Safari · iPad',
  ],
  [
    `${android('SAMSUNG SM-S911B')} SamsungBrowser/21.0 Chrome/110.0 Mobile Safari/537.36`,
    'Samsung Internet · Samsung',
  ],
  [`${android('K')} SamsungBrowser/26.0 Chrome/122.0.0.0 Mobile Safari/537.36`, 'Samsung Internet · Samsung'],
  [
    `${android('SM-A546E Build/UP1A; wv')} Version/4.0 Chrome/126.0 Mobile Safari/537.36 Line/14.9.1/IAB`,
    'LINE · Samsung',
  ],
  [`${android('SM-X710')} Chrome/126.0.0.0 Safari/537.36`, 'Chrome · Samsung'],
  [`${android('K')} Chrome/126.0.0.0 Mobile Safari/537.36`, 'Chrome · Android'],
  [
    `${android('Pixel 8; wv')} Version/4.0 Chrome/126.0 Mobile Safari/537.36 [FB_IAB/FB4A;FBAV/469.0;]`,
    'Facebook · Pixel',
  ],
  [`${android('CPH2423; wv')} Version/4.0 Chrome/125.0 Mobile Safari/537.36 Line/14.7.2/IAB`, 'LINE · OPPO'],
  [`${android('Redmi Note 12')} Chrome/125.0.0.0 Mobile Safari/537.36`, 'Chrome · Xiaomi'],
  [`${android('ASUS_AI2302')} Chrome/125.0.0.0 Mobile Safari/537.36`, 'Chrome · ASUS'],
  [
    `Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${WEBKIT} Chrome/126.0.0.0 Safari/537.36 Edg/126.0.2592.61`,
    'Edge · Windows',
  ],
  [
    'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15',
    'Safari · Mac',
  ],
  [`Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) ${WEBKIT} Chrome/126.0.0.0 Safari/537.36`, 'Chrome · Chromebook'],
  ['Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0', 'Firefox · Linux'],
  ['curl/8.5.0', undefined],
  ['Visit evil.example now/1.0 x', undefined],
  ['', undefined],
];

describe('device names', () => {
  it('are what people call the app and the device', () => {
    assert.deepEqual(
      NAMES.map(([userAgent]) => findDeviceName(userAgent)),
      NAMES.map(([, name]) => name),
    );
  });

  it('read naturally in each language, also when they were stored before or are unknown', () => {
    const i18n = createI18n(join(import.meta.dirname, '../../config/locales'));
    assert.equal(i18n.device('zh-TW', 'LINE · iPhone'), 'iPhone 上的 LINE');
    assert.equal(i18n.device('en', 'LINE · iPhone'), 'LINE on iPhone');
    assert.equal(i18n.device('zh-TW', 'Chrome'), 'Chrome');
    assert.equal(i18n.device('zh-TW', undefined), '不明的裝置');
    assert.equal(i18n.device('en', ''), 'Unknown device');
  });
});
