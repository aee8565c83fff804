/** Separates the app from the device in a stored name, which belongs to no language: `LINE · iPhone`. */
export const DEVICE_NAME_SEPARATOR = ' · ';

/** Describes a stored device name in one language: `LINE on iPhone`. */
export function describeDevice(t: (key: string, vars?: Record<string, string>) => string, name = ''): string {
  if (name === '') return t('deviceName.unknown');
  const [app = '', device] = name.split(DEVICE_NAME_SEPARATOR);
  return device === undefined ? app : t('deviceName.appOnDevice', { app, device });
}
