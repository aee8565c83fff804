import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { createUploadMemory, type UploadReservation } from '../../src/http/forms/upload-memory.ts';

const MEGABYTE = 1024 * 1024;

describe('the memory of uploads', () => {
  /** Begins uploads of several people. @returns the begun uploads, and the names of those that were ended */
  function begin(...names: string[]): { uploads: UploadReservation[]; ended: string[] } {
    const memory = createUploadMemory();
    const ended: string[] = [];
    const uploads = names.map((name) => {
      const upload = memory.begin(name, () => ended.push(name));
      assert.ok(upload);
      return upload;
    });
    return { uploads, ended };
  }

  it('is 64 MB for all people together; the largest upload that is arriving ends', () => {
    const { uploads, ended } = begin('small', 'large', 'middle');
    const [small, large, middle] = uploads;
    large?.add(34 * MEGABYTE);
    middle?.add(20 * MEGABYTE);
    small?.add(10 * MEGABYTE);
    assert.deepEqual(ended, []);
    small?.add(1);
    assert.deepEqual(ended, ['large']);
    // Its further bytes are discarded.
    large?.add(64 * MEGABYTE);
    small?.add(34 * MEGABYTE - 1);
    assert.deepEqual(ended, ['large']);
    middle?.add(1);
    assert.deepEqual(ended, ['large', 'small']);
  });

  it('stays reserved for an upload that has arrived, until its release', () => {
    const { uploads, ended } = begin('arrived', 'next');
    const [arrived, next] = uploads;
    arrived?.add(60 * MEGABYTE);
    arrived?.complete();
    next?.add(4 * MEGABYTE);
    assert.deepEqual(ended, []);
    next?.add(1);
    assert.deepEqual(ended, ['next']);
    const other = begin('arrived', 'next');
    other.uploads[0]?.add(60 * MEGABYTE);
    other.uploads[0]?.complete();
    other.uploads[0]?.release();
    other.uploads[1]?.add(64 * MEGABYTE);
    assert.deepEqual(other.ended, []);
  });

  it('is for one upload of a person at a time', () => {
    const memory = createUploadMemory();
    const end = (): void => assert.fail('the memory is not full');
    const upload = memory.begin('one', end);
    assert.equal(memory.begin('one', end), undefined);
    assert.ok(memory.begin('two', end));
    upload?.release();
    assert.ok(memory.begin('one', end));
  });
});
