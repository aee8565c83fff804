import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { describe, it } from 'node:test';

import { systemRandom } from '../../src/domain/random.ts';
import { createSecrets } from '../../src/platform/crypto/secrets.ts';
import { createHandles } from '../../src/services/directory/handles.ts';

const handles = createHandles(createSecrets(randomBytes(32), systemRandom));
const SECTOR = 'radius.example';

describe('handles of the directory', () => {
  it('encode several people as each of them alone', () => {
    const ids = [randomUUID(), randomUUID(), randomUUID()];
    for (const method of ['encode', 'entryUuids'] as const) {
      const encode = (people: readonly string[]): string[] => handles[method](SECTOR, people);
      assert.deepEqual(
        encode(ids),
        ids.flatMap((id) => encode([id])),
      );
      assert.deepEqual(encode([]), []);
    }
  });

  it('reject an id that is no UUID', () => {
    for (const id of ['', 'teacher', randomUUID().slice(0, -1), `${randomUUID()}0`]) {
      assert.throws(() => handles.encode(SECTOR, [randomUUID(), id]), RangeError, id);
      assert.throws(() => handles.entryUuids(SECTOR, [randomUUID(), id]), RangeError, id);
    }
  });
});
