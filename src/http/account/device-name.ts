import Bowser from 'bowser';

/** Returns the browser and the operating system of a user agent: `Chrome · Android`; undefined if both are unknown. */
export function findDeviceName(userAgent: string): string | undefined {
  if (userAgent === '') return undefined;
  const { browser, os } = Bowser.parse(userAgent);
  const name = [browser.name, os.name].filter((part) => part !== undefined && part !== '').join(' · ');
  return name === '' ? undefined : name;
}

/** Like `findDeviceName`, with a dash for an unknown device. */
export function deviceName(userAgent: string): string {
  return findDeviceName(userAgent) ?? '—';
}
