interface SignOutLocals {
  action: string;
  /** The sealed form. */
  request: string;
  /** The page to go back to without a sign-out. */
  stayUrl: string;
  name?: string | undefined;
  apps: readonly string[];
  /** The form belongs to an earlier session than the current one. */
  sessionChanged: boolean;
}

interface SignedOutLocals {
  /** Apps that have answered their logout notice. */
  notified: readonly string[];
  /** Apps whose logout notice is still being sent. */
  pending: readonly string[];
}

/** The pages of a sign-out. */
export interface SignOutPages {
  'sign-out': SignOutLocals;
  'signed-out': SignedOutLocals;
}
