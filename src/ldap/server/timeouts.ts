export interface ConnectionTimeouts {
  /** Time from the start of a connection, or from a failed bind, to a bind that succeeds. Includes the TLS handshake. */
  bindMs: number;
  /** Time without a complete message. */
  idleMs: number;
  /** Time for a peer that does not read its responses. */
  writeMs: number;
  /** Time for the operation in progress when the service stops. The process ends after 10 s. */
  finishMs: number;
  /** Time for a peer to close its side after the service has closed its own. */
  closeMs: number;
}

export const CONNECTION_TIMEOUTS: ConnectionTimeouts = {
  bindMs: 30_000,
  idleMs: 15 * 60_000,
  writeMs: 30_000,
  finishMs: 5_000,
  closeMs: 1_000,
};
