/**
 * Sessions in memory. If several nodes share one address, store the maps in a shared database.
 *
 * One browser has one session. A session has several *contexts* at the same time: parent of one child, parent of
 * another, teacher. The context is in the path (`/c/<ctx>/…`), so each tab keeps its own.
 */
import { randomBytes } from 'node:crypto';
import type { LogoutRequest } from './logout-token.ts';
import type { Pending, SignedIn } from './provider.ts';

/** A person who signed in but has no role or child here. */
export const NO_CONTEXT = 'none';

export interface Context extends SignedIn {
  /** Opaque id of the person, client and chosen context. Safe in a URL. */
  ctx: string;
  /** When `person` was last read, in milliseconds since 1970. */
  readAt: number;
}

export type Notice = 'ended' | 'signedOut';

export interface Session {
  id: string;
  /** CSRF token: each form contains it. */
  csrf: string;
  contexts: Map<string, Context>;
  /** Sign-ins in progress in this browser, by `state`. */
  pending: Map<string, Pending>;
  /** The context used last. */
  last: Context | undefined;
  /** Why the last context ended. */
  notice: Notice | undefined;
  /** Milliseconds since 1970. */
  expiresAt: number;
}

export interface Sessions {
  find(id: string | undefined): Session | undefined;
  create(): Session;
  enter(session: Session, signedIn: SignedIn): Context | undefined;
  drop(session: Session, ctx: string): void;
  leave(session: Session): void;
  revoke(logout: LogoutRequest): number;
}

const HOUR_MS = 3_600_000;
/** Absolute lifetimes: a school day when signed in, an hour before that. */
const SIGNED_IN_MS = 12 * HOUR_MS;
const SIGNED_OUT_MS = HOUR_MS;
/** Limits the memory that unfinished sign-ins can take. */
const MAX_SESSIONS = 50_000;
const MAX_PENDING = 10;
/** Time for which a logout token also rejects sign-ins that were in progress when it arrived. */
const LOGOUT_EFFECT_MS = HOUR_MS / 4;

/** 256 random bits, far above the 128 that OWASP ASVS asks for. */
function randomId(): string {
  return randomBytes(32).toString('base64url');
}

function matchesLogout(logout: LogoutRequest, context: SignedIn): boolean {
  return (
    (logout.sid === undefined || logout.sid === context.sid) && (logout.sub === undefined || logout.sub === context.sub)
  );
}

/** Removes one context, and stores the reason if it was the last one. */
function drop(session: Session, ctx: string): void {
  session.contexts.delete(ctx);
  if (session.last?.ctx === ctx) session.last = [...session.contexts.values()].at(-1);
  if (session.contexts.size === 0) session.notice = 'ended';
}

/** Signs out of this app. */
function leave(session: Session): void {
  session.contexts.clear();
  session.pending.clear();
  session.last = undefined;
  session.notice = 'signedOut';
}

function newSession(expiresAt: number): Session {
  return {
    id: randomId(),
    csrf: randomId(),
    contexts: new Map(),
    pending: new Map(),
    last: undefined,
    notice: undefined,
    expiresAt,
  };
}

/** Deletes expired sessions. When the limit is reached, deletes unfinished sign-ins first. */
function evictSessions(sessions: Map<string, Session>, now: number): void {
  const full = sessions.size >= MAX_SESSIONS;
  if (!full && sessions.size % 100 !== 0) return;
  for (const [id, session] of sessions) {
    if (session.expiresAt <= now || (full && session.contexts.size === 0)) sessions.delete(id);
  }
  for (const id of sessions.keys()) {
    if (sessions.size < MAX_SESSIONS) break;
    sessions.delete(id);
  }
}

/** @param now the present in milliseconds since 1970 */
export function createSessions(now: () => number): Sessions {
  const sessions = new Map<string, Session>();
  const logouts: LogoutRequest[] = [];

  function find(id: string | undefined): Session | undefined {
    const session = id === undefined ? undefined : sessions.get(id);
    return session !== undefined && session.expiresAt > now() ? session : undefined;
  }

  function create(): Session {
    evictSessions(sessions, now());
    const session = newSession(now() + SIGNED_OUT_MS);
    sessions.set(session.id, session);
    return session;
  }

  /** Issues a new id at each sign-in, so a planted id is worthless. */
  function renew(session: Session): void {
    sessions.delete(session.id);
    session.id = randomId();
    session.csrf = randomId();
    session.expiresAt = now() + SIGNED_IN_MS;
    sessions.set(session.id, session);
  }

  /** Stores the result of a sign-in. `undefined` if the service has ended that sign-in in the meantime. */
  function enter(session: Session, signedIn: SignedIn): Context | undefined {
    if (logouts.some((logout) => matchesLogout(logout, signedIn) && signedIn.issuedAt < logout.issuedAt))
      return undefined;
    if (session.last?.sub !== signedIn.sub) {
      session.contexts.clear();
      renew(session);
    }
    const context: Context = { ...signedIn, ctx: signedIn.acting?.ctx ?? NO_CONTEXT, readAt: now() };
    session.contexts.set(context.ctx, context);
    session.last = context;
    session.notice = undefined;
    return context;
  }

  /** Handles a back-channel logout. Returns how many contexts ended. */
  function revoke(logout: LogoutRequest): number {
    while (logouts[0] !== undefined && logouts[0].issuedAt * 1000 < now() - LOGOUT_EFFECT_MS) logouts.shift();
    logouts.push(logout);
    let ended = 0;
    for (const session of sessions.values()) {
      for (const context of session.contexts.values()) {
        if (!matchesLogout(logout, context)) continue;
        drop(session, context.ctx);
        ended += 1;
      }
    }
    return ended;
  }

  return { find, create, enter, drop, leave, revoke };
}

/** Stores a sign-in in progress. Deletes the oldest when there are too many. */
export function storePending(session: Session, pending: Pending): void {
  for (const state of session.pending.keys()) {
    if (session.pending.size < MAX_PENDING) break;
    session.pending.delete(state);
  }
  session.pending.set(pending.state, pending);
}

/** Consumes a sign-in in progress. */
export function consumePending(session: Session, state: string): Pending | undefined {
  const pending = session.pending.get(state);
  session.pending.delete(state);
  return pending;
}
