import Bowser from 'bowser';

/** Returns the browser and the operating system of a user agent: `Chrome · Android`. */
export function deviceName(userAgent: string): string {
  if (userAgent === '') return '—';
  const { browser, os } = Bowser.parse(userAgent);
  return [browser.name, os.name].filter((part) => part !== undefined && part !== '').join(' · ') || '—';
}
