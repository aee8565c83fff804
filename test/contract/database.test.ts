import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import { it } from 'node:test';

import { eq, sql } from 'drizzle-orm';

import { insertMany } from '../../src/store/database/bulk-insert.ts';
import { ConflictError, openStore, StoreError, type Transaction } from '../../src/store/database/index.ts';
import { insertIdentifier, insertPerson } from '../../src/store/people/people.ts';
import { insertSchool } from '../../src/store/people/schools.ts';
import { eachStore } from '../helpers/store.ts';

eachStore('a transaction', (on) => {
  const add = (tx: Transaction, code: string): Promise<void> =>
    insertSchool(tx, { code, name: '示範高中', nameEn: 'Demo', type: 'senior_high' });
  const isIn = async (tx: Transaction, code: string): Promise<boolean> =>
    (await tx.db.select().from(tx.tables.schools).where(eq(tx.tables.schools.code, code))).length > 0;
  const has = (code: string): Promise<boolean> => on.store.read((tx) => isIn(tx, code));

  const hasEnded = (error: unknown): boolean => {
    assert.ok(error instanceof Error && error.cause instanceof StoreError);
    assert.match(error.cause.message, /has ended/);
    assert.doesNotMatch(error.message, /示範高中|990006/);
    return true;
  };

  it('commits a write and returns its value', async () => {
    assert.equal(await on.store.write(async (tx) => add(tx, '990001').then(() => 'value')), 'value');
    assert.ok(await has('990001'));
  });

  it('rolls back a write that throws after a statement', async () => {
    const work = on.store.write(async (tx) => {
      await add(tx, '990002');
      throw new Error('half-way');
    });
    await assert.rejects(work, { message: 'half-way' });
    assert.equal(await has('990002'), false);
  });

  it('calls the actions of afterCommit once, after the commit', async () => {
    const states: string[] = [];
    const action = (): void => void states.push('called');
    await on.store.write(async (tx) => {
      tx.afterCommit(action);
      tx.afterCommit(action);
      await add(tx, '990030');
      states.push('before the commit');
    });
    assert.deepEqual(states, ['before the commit', 'called']);
  });

  it('calls no action of afterCommit after a rollback', async () => {
    let calls = 0;
    const work = on.store.write((tx) => {
      tx.afterCommit(() => (calls += 1));
      throw new Error('half-way');
    });
    await assert.rejects(work, { message: 'half-way' });
    assert.equal(calls, 0);
  });

  it('rolls back only the failing one of many parallel writes', async () => {
    const codes = Array.from({ length: 30 }, (_, i) => `9901${String(i).padStart(2, '0')}`);
    const results = await Promise.allSettled(
      codes.map((code, i) =>
        on.store.write(async (tx) => {
          await add(tx, code);
          if (i === 13) throw new Error('alone');
        }),
      ),
    );
    assert.deepEqual(
      results.flatMap(({ status }, i) => (status === 'rejected' ? [i] : [])),
      [13],
    );
    const kept = await Promise.all(codes.map(has));
    assert.deepEqual(
      kept.flatMap((there, i) => (there ? [] : [i])),
      [13],
    );
  });

  it('is rolled back when the error of a statement is caught', async () => {
    const work = on.store.write(async (tx) => {
      await add(tx, '990003');
      await add(tx, '990003').catch(() => undefined);
    });
    await assert.rejects(work, StoreError);
    assert.equal(await has('990003'), false);
  });

  it('rejects every statement after a failed one', async () => {
    const work = on.store.write(async (tx) => {
      await add(tx, '990001').catch(() => undefined);
      await add(tx, '990004');
    });
    await assert.rejects(work, /earlier statement/);
    assert.equal(await has('990004'), false);
  });

  it('continues after a conflict that a repository reports', async () => {
    await on.store.write(async (tx) => {
      const person = {
        id: 'p1',
        kind: 'person',
        name: '王大明',
        status: 'active',
        createdAt: 1,
        updatedAt: 1,
      } as const;
      await insertPerson(tx, { ...person, nationalIdLookup: 'same' });
      await assert.rejects(
        insertPerson(tx, { ...person, id: 'p2', nationalIdLookup: 'same' }),
        new ConflictError('nationalId'),
      );
      const mail = { id: 'i1', personId: 'p1', kind: 'email', value: 'a@parents.example', createdAt: 1 } as const;
      await insertIdentifier(tx, mail);
      await assert.rejects(insertIdentifier(tx, { ...mail, id: 'i2' }), new ConflictError('identifier'));
      await insertIdentifier(tx, { ...mail, id: 'i3', kind: 'school_account', scope: '993301' });
      await insertIdentifier(tx, { ...mail, id: 'i4', kind: 'school_account', scope: '993302' });
    });
  });

  it('rejects statements after its end', async () => {
    let leaked: Transaction | undefined;
    await on.store.write(async (tx) => {
      leaked = tx;
      await add(tx, '990005');
    });
    const late = leaked;
    assert.ok(late);
    await assert.rejects(add(late, '990006'), hasEnded);
    const fromRead = await on.store.read((tx) => Promise.resolve(tx));
    await assert.rejects(isIn(fromRead, '990001'), hasEnded);
    assert.equal(await has('990006'), false);
  });

  it('rejects a write inside a read and inside a write', async () => {
    await assert.rejects(
      on.store.read((tx) => add(tx, '990007')),
      StoreError,
    );
    await assert.rejects(
      on.store.write(() => on.store.write((tx) => add(tx, '990007'))),
      /write inside a write/,
    );
    assert.equal(await has('990007'), false);
  });

  it('allows work that outlives it to write later', async () => {
    const ended = Promise.withResolvers<undefined>();
    let later: Promise<void> | undefined;
    await on.store.write((tx) => {
      later = ended.promise.then(() => on.store.write((v) => add(v, '990008')));
      return add(tx, '990009');
    });
    ended.resolve(undefined);
    await later;
    assert.ok(await has('990008'));
  });

  it('reads its own rows before the commit, and others do not', async () => {
    await on.store.write(async (tx) => {
      await add(tx, '990010');
      assert.ok(await isIn(tx, '990010'));
      assert.equal(await has('990010'), false);
    });
    assert.ok(await has('990010'));
  });

  it('runs in the async context of its caller', async () => {
    const context = new AsyncLocalStorage<number>();
    const seen = await Promise.all(
      [1, 2, 3].map((n) => context.run(n, () => on.store.write(() => Promise.resolve(context.getStore())))),
    );
    assert.deepEqual(seen, [1, 2, 3]);
  });

  it('keeps values out of error messages', async () => {
    const secret = 'secret-of-a-person';
    const twice = on.store.write(async (tx) => {
      const person = { kind: 'person', name: secret, status: 'active', createdAt: 1, updatedAt: 1 } as const;
      await insertPerson(tx, { id: secret, ...person });
      await insertPerson(tx, { id: secret, ...person });
    });
    await assert.rejects(twice, (error: unknown) => {
      assert.ok(error instanceof StoreError);
      assert.doesNotMatch(`${error.message}${error.stack ?? ''}${JSON.stringify(error)}`, /secret-of-a-person/);
      assert.match(error.message, /insert into/);
      return true;
    });
  });

  it('enforces foreign keys and cascades deletes', async () => {
    const orphan = { id: 'i9', personId: 'unknown', kind: 'email', value: 'x@parents.example', createdAt: 1 } as const;
    await assert.rejects(
      on.store.write((tx) => insertIdentifier(tx, orphan)),
      StoreError,
    );
    // Also checks a store that has run no migration, because migrations switch foreign keys off and on.
    const fresh = await openStore(on.location);
    await assert.rejects(
      fresh.write((tx) => insertIdentifier(tx, orphan)),
      StoreError,
    );
    await fresh.close();
    await on.store.write((tx) => tx.db.delete(tx.tables.persons).where(eq(tx.tables.persons.id, 'p1')));
    const left = await on.store.read((tx) => tx.db.select().from(tx.tables.identifiers));
    assert.deepEqual(left, []);
  });

  it('inserts more rows than one statement can hold', async () => {
    const rows = Array.from({ length: 25_000 }, (_, i) => ({
      key: `bulk:${String(i)}`,
      failures: i,
      blockedUntil: 0,
      updatedAt: 1_700_000_000_000,
      refusals: 0,
      refusedSince: null,
    }));
    await on.store.write((tx) => insertMany(tx, tx.tables.throttles, rows));
    const [last] = await on.store.read((tx) =>
      tx.db.select().from(tx.tables.throttles).where(eq(tx.tables.throttles.key, 'bulk:24999')),
    );
    assert.deepEqual(last, rows.at(-1));
  });

  it('runs parallel statements in the order of their calls', async () => {
    await on.store.write(async (tx) => {
      const [before, , after] = await Promise.all([isIn(tx, '990020'), add(tx, '990020'), isIn(tx, '990020')]);
      assert.deepEqual([before, after], [false, true]);
    });
  });

  it('is rolled back when one of its parallel statements fails', async () => {
    const work = on.store.write((tx) => Promise.all([add(tx, '990021'), add(tx, '990021'), add(tx, '990022')]));
    await assert.rejects(work, /constraint/);
    assert.deepEqual([await has('990021'), await has('990022')], [false, false]);
  });

  it('rejects only the failing one of many parallel reads', async () => {
    const results = await Promise.allSettled(
      Array.from({ length: 50 }, (_, at) =>
        on.store.read((tx) =>
          tx.db.select({ at: at === 13 ? sql`no_such_column` : sql`${String(at)}` }).from(tx.tables.schools),
        ),
      ),
    );
    const failed = results.flatMap(({ status }, at) => (status === 'rejected' ? [at] : []));
    assert.deepEqual(failed, [13]);
    const values = results.map((one) => (one.status === 'fulfilled' ? Number(one.value[0]?.at) : 13));
    assert.deepEqual(values, [...results.keys()]);
  });

  it('answers pings', () => on.store.ping());
});

eachStore('a closing store', (on) => {
  it('finishes writes that have begun and rejects later ones', async () => {
    const [started, closing] = [Promise.withResolvers<undefined>(), Promise.withResolvers<undefined>()];
    const begun = on.store.write(async (tx) => {
      started.resolve(undefined);
      await closing.promise;
      await tx.db.select().from(tx.tables.schools);
      return 'done';
    });
    await started.promise;
    const closed = on.store.close();
    closing.resolve(undefined);
    await closed;
    assert.equal(await begun, 'done');
    await assert.rejects(on.store.write((tx) => tx.db.select().from(tx.tables.schools)));
    await assert.rejects(on.store.ping());
  });
});
