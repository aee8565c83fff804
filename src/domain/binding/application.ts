/** `draft` is filled in by the family, `returned` is corrected by it. `approved`, `rejected` and `withdrawn` are final. */
export const APPLICATION_STATES = ['draft', 'submitted', 'approved', 'returned', 'rejected', 'withdrawn'] as const;
export type ApplicationState = (typeof APPLICATION_STATES)[number];

export const APPLICATION_ACTIONS = ['submit', 'approve', 'return', 'reject', 'withdraw'] as const;
export type ApplicationAction = (typeof APPLICATION_ACTIONS)[number];

/** The actions of a reviewer, as the form of the console names them. */
export const REVIEW_DECISIONS = ['approve', 'return', 'reject'] as const;
export type ReviewDecision = (typeof REVIEW_DECISIONS)[number];

const TRANSITIONS: Readonly<Record<ApplicationState, Partial<Record<ApplicationAction, ApplicationState>>>> = {
  draft: { submit: 'submitted', withdraw: 'withdrawn' },
  submitted: { approve: 'approved', return: 'returned', reject: 'rejected', withdraw: 'withdrawn' },
  returned: { submit: 'submitted', withdraw: 'withdrawn' },
  approved: {},
  rejected: {},
  withdrawn: {},
};

/** The states in which the family can change the application. */
export const EDITABLE_STATES: readonly ApplicationState[] = ['draft', 'returned'];

/** The states of an application that has no result yet. A student has at most one of them. */
export const OPEN_STATES: readonly ApplicationState[] = ['draft', 'submitted', 'returned'];

/** Returns the state after an action; undefined when the action is not allowed. */
export function nextApplicationState(state: ApplicationState, action: ApplicationAction): ApplicationState | undefined {
  return TRANSITIONS[state][action];
}
