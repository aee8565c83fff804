import type { PersonActionName } from './person-actions.ts';

/** The actions that staff may do to many people of a class at once, as the forms name them. */
export const BULK_ACTIONS = ['slips', 'links', 'disable'] as const;
export type BulkAction = (typeof BULK_ACTIONS)[number];

/** The action on each person. */
export const BULK_PERSON_ACTIONS: Readonly<Record<BulkAction, PersonActionName>> = {
  slips: 'one-time-code',
  links: 'reset-link',
  disable: 'disable',
};

/** `requested` waits for a colleague, as the request of a single action does. */
export const BULK_ROW_STATES = ['pending', 'done', 'requested', 'failed'] as const;
export type BulkRowState = (typeof BULK_ROW_STATES)[number];
