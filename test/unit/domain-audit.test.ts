import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { GENESIS_HEAD, chainHash } from '../../src/domain/audit-chain.ts';
import type { AuditEntry, ChainedEntry, ChainHead } from '../../src/domain/audit-chain.ts';
import { verifyChain } from '../helpers/audit-chain.ts';

const START = Date.UTC(2026, 10, 23);

describe('audit chain', () => {
  const id = fc.option(fc.uuid(), { nil: null });
  const content = fc.record({
    at: fc.integer({ min: START, max: START + 1e9 }),
    event: fc.constantFrom('sign-in', 'password.changed', 'guardianship.suspended'),
    outcome: fc.constantFrom('ok', 'failed'),
    actorId: id,
    subjectId: id,
    clientId: fc.option(fc.string(), { nil: null }),
    address: fc.option(fc.ipV4(), { nil: null }),
    detail: fc.dictionary(fc.string(), fc.oneof(fc.string(), fc.integer(), fc.boolean()), { maxKeys: 4 }),
  });
  const chain = (contents: readonly Omit<AuditEntry, 'seq'>[]): ChainedEntry[] => {
    let prevHash = GENESIS_HEAD.hash;
    return contents.map((one, at) => {
      const entry = { ...one, seq: at + 1 };
      const link = { ...entry, prevHash, hash: chainHash(prevHash, entry) };
      prevHash = link.hash;
      return link;
    });
  };
  const logs = fc.array(content, { minLength: 2, maxLength: 12 }).map(chain);
  const headOf = (log: readonly ChainedEntry[]): ChainHead => log.at(-1) ?? GENESIS_HEAD;
  /** Returns true if the chain verifies and ends with the head that is kept outside the log. */
  const isIntact = (log: readonly ChainedEntry[], head: ChainHead): boolean => {
    const end = verifyChain(log);
    return end.ok && end.head.seq === head.seq && end.head.hash === head.hash;
  };

  it('verifies a written log', () => {
    fc.assert(
      fc.property(logs, (log) => {
        const { seq, hash } = headOf(log);
        assert.deepEqual(verifyChain(log), { ok: true, head: { seq, hash } });
      }),
    );
  });

  it('ignores the order of keys and additional columns', () => {
    const entry: AuditEntry = {
      seq: 1,
      at: START,
      event: 'sign-in',
      outcome: 'ok',
      actorId: 'a',
      subjectId: null,
      clientId: null,
      address: null,
      detail: { b: 1, a: true, 王: 'x' },
    };
    const { seq, at, event, outcome, actorId, subjectId, clientId, address } = entry;
    const mixed = { hash: 'h', address, clientId, subjectId, actorId, outcome, event, at, seq };
    const other = { ...mixed, detail: { 王: 'x', a: true, b: 1 } };
    // Computed once by another program. Every later version must verify old logs, so this value never changes.
    const expected = '67fa2b565644803229cffc45f4ac47f5c77c1e7ff1e018646ebc781e9d39a281';
    assert.equal(chainHash(GENESIS_HEAD.hash, entry), expected);
    assert.equal(chainHash(GENESIS_HEAD.hash, other), expected);
  });

  it('detects every changed field', () => {
    const change = fc.constantFrom<keyof AuditEntry>(
      'seq',
      'at',
      'event',
      'outcome',
      'actorId',
      'subjectId',
      'clientId',
      'address',
      'detail',
    );
    fc.assert(
      fc.property(logs, fc.nat(), change, (log, pick, key) => {
        const at = pick % log.length;
        const changed = log.map((entry, index) => {
          if (index !== at) return entry;
          if (key === 'seq' || key === 'at') return { ...entry, [key]: entry[key] + 1 };
          if (key === 'detail') return { ...entry, detail: { ...entry.detail, added: 1 } };
          return { ...entry, [key]: `${entry[key] ?? ''}x` };
        });
        assert.equal(isIntact(changed, headOf(log)), false);
        const rehashed = changed.map((entry) => ({ ...entry, hash: chainHash(entry.prevHash, entry) }));
        assert.equal(isIntact(rehashed, headOf(log)), false, 'also after its own hash was recomputed');
      }),
    );
  });

  it('detects removed, truncated, duplicated and reordered entries', () => {
    fc.assert(
      fc.property(logs, fc.nat(), fc.nat(), (log, one, two) => {
        const [a, b] = [one % log.length, two % log.length];
        assert.equal(isIntact(log.toSpliced(a, 1), headOf(log)), false);
        assert.equal(isIntact(log.slice(0, a), headOf(log)), false);
        assert.equal(isIntact(log.toSpliced(a, 0, ...log.slice(a, a + 1)), headOf(log)), false);
        if (a !== b) {
          const swapped = log.map((entry, at) => (at === a ? log[b] : at === b ? log[a] : entry) ?? entry);
          assert.equal(isIntact(swapped, headOf(log)), false);
        }
        assert.equal(isIntact(chain(log.slice(1)), headOf(log)), false, 'also after the rest was chained again');
      }),
    );
  });

  it('gives similar entries different hashes', () => {
    const entry = (detail: AuditEntry['detail'], actorId: string | null): AuditEntry => ({
      seq: 1,
      at: START,
      event: 'e',
      outcome: 'o',
      actorId,
      subjectId: null,
      clientId: null,
      address: null,
      detail,
    });
    const all = [
      entry({}, null),
      entry({}, 'null'),
      entry({ a: 1 }, null),
      entry({ a: '1' }, null),
      entry({ 'a,1': true }, null),
    ];
    assert.equal(new Set(all.map((one) => chainHash('p', one))).size, all.length);
  });
});
