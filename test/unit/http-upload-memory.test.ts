import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { createUploadMemory } from '../../src/http/forms/upload-memory.ts';

const MEGABYTE = 1024 * 1024;

describe('the memory of uploads', () => {
  it('is reserved up to 64 MB for all people together, and free after the release', () => {
    const memory = createUploadMemory();
    const release = memory.reserve('one', 40 * MEGABYTE);
    assert.ok(release);
    assert.equal(memory.reserve('two', 24 * MEGABYTE + 1), undefined);
    assert.ok(memory.reserve('two', 24 * MEGABYTE));
    assert.equal(memory.reserve('three', 1), undefined);
    release();
    assert.ok(memory.reserve('three', 40 * MEGABYTE));
    assert.equal(memory.reserve('one', 1), undefined);
  });

  it('is reserved for one upload of a person at a time', () => {
    const memory = createUploadMemory();
    const release = memory.reserve('one', 1);
    assert.equal(memory.reserve('one', 1), undefined);
    assert.ok(memory.reserve('two', 1));
    release?.();
    assert.ok(memory.reserve('one', 1));
  });
});
