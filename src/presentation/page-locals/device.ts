import type { AppName, FieldErrors, NamedAccount } from './common.ts';

interface DeviceCodeLocals {
  action: string;
  xsrf: string;
  /** The entered code, or the code in the URL. */
  userCode: string;
  /** A browser with JavaScript submits the form on load. */
  autoSubmit?: boolean | undefined;
  errors: FieldErrors;
  alert?: string | undefined;
}

interface DeviceConfirmLocals {
  action: string;
  xsrf: string;
  /** As the device shows it. */
  userCode: string;
  app: AppName;
  /** The signed-in person, who will be signed in on the device; absent: sign-in follows. */
  account?: NamedAccount | undefined;
  /** The value of `confirm` that asks for another account. */
  otherAccountValue: string;
}

/** The pages of a sign-in on another device (RFC 8628). */
export interface DevicePages {
  'device/code': DeviceCodeLocals;
  'device/confirm': DeviceConfirmLocals;
  'device/done': { app: AppName; account?: NamedAccount | undefined };
}
