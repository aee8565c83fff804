import { EventEmitter } from 'node:events';
import { z } from 'zod';
import type { Clock } from '../domain/clock.ts';
import type { Random } from '../domain/random.ts';
import type { Unit } from '../store/database/index.ts';
import * as outboxStore from '../store/outbox.ts';
import type { Secrets } from './secrets.ts';

const mailPayload = z.object({
  kind: z.literal('mail'),
  to: z.string(),
  template: z.enum(['password-changed', 'reset-link']),
  lang: z.string(),
  locals: z.record(z.string(), z.union([z.string(), z.number()])),
});
const logoutPayload = z.object({
  kind: z.literal('backchannel_logout'),
  clientId: z.string(),
  personId: z.string(),
  sid: z.string().optional(),
});
const payload = z.discriminatedUnion('kind', [mailPayload, logoutPayload]);

export type MailJob = z.infer<typeof mailPayload>;
export type LogoutJob = z.infer<typeof logoutPayload>;
export type OutboxJob = z.infer<typeof payload>;

/**
 * What must reach somebody else, written down in the same unit of work as its cause and delivered afterwards. A dead mail
 * server or relying party loses nothing and blocks nobody.
 */
export interface Outbox {
  /** @returns the id of the job */
  enqueue(u: Unit, job: OutboxJob): Promise<string>;
  /** @throws {Error} when the row was changed or moved */
  open(row: { id: string; payload: string }): OutboxJob;
  /** Tells the worker of this process that something is due; call it after the unit of work has committed. */
  kick(): void;
  onKick(listener: () => void): void;
}

interface Deps {
  clock: Clock;
  random: Random;
  secrets: Secrets;
}

export function createOutbox({ clock, random, secrets }: Deps): Outbox {
  const events = new EventEmitter();
  return {
    enqueue: async (u, job) => {
      const id = random.uuid();
      const now = clock.now();
      await outboxStore.enqueue(u, {
        id,
        kind: job.kind,
        payload: secrets.seal('outbox', id, JSON.stringify(job)),
        nextAt: now,
        createdAt: now,
      });
      return id;
    },
    open: (row) => payload.parse(JSON.parse(secrets.open('outbox', row.id, row.payload))),
    kick: () => events.emit('due'),
    onKick: (listener) => events.on('due', listener),
  };
}
