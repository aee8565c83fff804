/** The queue that commits several SQLite writes at once, on a real connection. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it, mock } from 'node:test';

import { openWriter, type SqliteConnection } from '../../src/store/database/sqlite/connection.ts';
import { GroupCommitQueue } from '../../src/store/database/sqlite/group-commit.ts';
import { createNestedWriteGuard, type Transaction } from '../../src/store/database/transaction.ts';

const folder = mkdtempSync(join(tmpdir(), 'kinpass-group-commit-'));
after(() => {
  rmSync(folder, { recursive: true, force: true });
});

interface TestQueue {
  queue: GroupCommitQueue;
  writer: SqliteConnection;
  /** The number of writes in each batch. */
  batches: number[];
}

function createQueue(name: string, begin?: () => Promise<void>): TestQueue {
  const connection = openWriter(join(folder, name));
  connection.run('create table t (id integer primary key)');
  const batches: number[] = [];
  const writer: SqliteConnection = {
    ...connection,
    run: (statement) => {
      if (statement === 'BEGIN') batches.push(0);
      if (statement === 'SAVEPOINT write') batches.push((batches.pop() ?? 0) + 1);
      return connection.run(statement);
    },
  };
  const beginNow = (): Promise<void> => {
    writer.run('BEGIN');
    return Promise.resolve();
  };
  const nestedWrites = createNestedWriteGuard();
  const queue = new GroupCommitQueue({ writer, begin: begin ?? beginNow, nestedWrites, log: undefined });
  return { queue, writer, batches };
}

const insert =
  (id: number) =>
  (tx: Transaction): Promise<unknown> =>
    tx.execute('insert into t values (?)', [id]);
const idsOf = (writer: SqliteConnection): unknown[] => writer.run('select id from t order by id').flat();

describe('group commit', () => {
  it('commits at most 200 writes at once', async () => {
    const { queue, writer, batches } = createQueue('count.db');
    const clock = mock.method(performance, 'now', () => 0);
    await Promise.all(Array.from({ length: 401 }, (_, id) => queue.write(insert(id))));
    clock.mock.restore();
    assert.deepEqual([batches, idsOf(writer).length], [[200, 200, 1], 401]);
  });

  it('takes no further write into a batch after 50 ms', async () => {
    const { queue, batches } = createQueue('time.db');
    let now = 0;
    // One call for the start of the batch, and one for each write.
    const clock = mock.method(performance, 'now', () => (now += 25));
    await Promise.all([queue.write(insert(1)), queue.write(insert(2))]);
    clock.mock.restore();
    assert.deepEqual(batches, [1, 1]);
  });

  it('rejects all queued writes if the transaction cannot begin, and continues later', async () => {
    let error: Error | undefined = new Error('locked');
    const { queue, writer } = createQueue('begin.db', () => {
      if (error !== undefined) return Promise.reject(error);
      writer.run('BEGIN');
      return Promise.resolve();
    });
    const results = await Promise.allSettled([queue.write(insert(1)), queue.write(insert(2))]);
    assert.deepEqual(results, Array(2).fill({ status: 'rejected', reason: error }));
    error = undefined;
    await queue.write(insert(3));
    assert.deepEqual(idsOf(writer), [3]);
  });

  it('rolls back only the write that throws', async () => {
    const { queue, writer, batches } = createQueue('throw.db');
    const half = async (tx: Transaction): Promise<void> => {
      await insert(2)(tx);
      throw new Error('half-way');
    };
    const results = await Promise.allSettled([queue.write(insert(1)), queue.write(half), queue.write(insert(3))]);
    assert.deepEqual(
      results.map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled'],
    );
    assert.deepEqual([idsOf(writer), batches], [[1, 3], [3]]);
  });

  it('rejects the other writes of a transaction that the engine ended', async () => {
    const { queue, writer } = createQueue('ended.db');
    const full = new Error('disk full');
    const end = async (tx: Transaction): Promise<void> => {
      await tx.execute('rollback', []);
      throw full;
    };
    const [first, second] = await Promise.allSettled([queue.write(insert(1)), queue.write(end)]);
    assert.ok(first.status === 'rejected' && second.status === 'rejected');
    assert.match(String(first.reason), /the transaction was ended by the engine/);
    assert.equal(second.reason, full);
    await queue.write(insert(3));
    assert.deepEqual(idsOf(writer), [3]);
  });

  it('waits for queued writes when it is closed', async () => {
    const { queue, writer } = createQueue('close.db');
    const written = queue.write(insert(1));
    await queue.close();
    assert.deepEqual(idsOf(writer), [1]);
    await written;
  });
});
