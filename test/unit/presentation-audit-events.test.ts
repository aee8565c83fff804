import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { PERSON_ACTIONS } from '../../src/domain/access/person-actions.ts';
import { AUDIT_EVENTS } from '../../src/presentation/text-families.ts';

const EVENTS = AUDIT_EVENTS.map((name) => name.replace('-', '.'));
const SOURCE = join(import.meta.dirname, '../../src');
/** Events whose second part is computed. */
const COMPUTED = [
  ...Object.values(PERSON_ACTIONS).map((action) => `staff.${action}`),
  ...['suspended', 'resumed', 'revoked', 'expired'].map((verb) => `guardianship.${verb}`),
  ...['declined', 'withdrawn', 'void'].map((decision) => `staff_request.${decision}`),
  ...['succeeded', 'failed', 'password_change_required', 'second_factor_required'].map((kind) => `sign_in.${kind}`),
];

/** Literals with a noun of the log that are events of the provider, or keys of texts. */
const OTHER_LITERALS = [
  'authorization.error',
  'authorization.success',
  ...['answer', 'changed', 'closed', 'conflict', 'invalid', 'kind', 'missing', 'note', 'relation', 'state'].map(
    (key) => `binding.${key}`,
  ),
  'grant.error',
  'keys.effect',
  'keys.rotate',
  'keys.state',
];

/** Lists the literals of the source that look like an event of the log: `'noun.verb'` with a noun of the log. */
function listLiterals(): string[] {
  const nouns = new Set(EVENTS.map((name) => name.split('.')[0]));
  const files = readdirSync(SOURCE, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
  return files.flatMap((name) => {
    const text = readFileSync(join(SOURCE, name), 'utf8');
    const recorded = [...text.matchAll(/event: '([a-z_]+\.[a-z_]+)'/g)].map(([, event]) => event ?? '');
    const others = [...text.matchAll(/'([a-z_]+)\.([a-z_]+)'/g)].flatMap(([, noun = '', verb = '']) =>
      nouns.has(noun) ? `${noun}.${verb}` : [],
    );
    return [...recorded, ...others];
  });
}

describe('events of the audit log', () => {
  it('every event that the source records is in the list, so that it has a text', () => {
    const recorded = [...new Set([...listLiterals(), ...COMPUTED])].sort();
    assert.ok(recorded.length > 60, String(recorded.length));
    assert.deepEqual(
      recorded.filter((name) => !EVENTS.includes(name) && !OTHER_LITERALS.includes(name)),
      [],
    );
  });

  it('the list has no event twice', () => {
    assert.equal(new Set(EVENTS).size, EVENTS.length);
  });
});
