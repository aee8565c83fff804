import assert from 'node:assert/strict';
import { text } from 'node:stream/consumers';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import type { ChainedEntry } from '../../src/domain/audit-chain.ts';
import { writeCsv } from '../../src/http/console/audit.ts';

async function* only(entry: ChainedEntry): AsyncGenerator<ChainedEntry> {
  yield await Promise.resolve(entry);
}

/** Reads CSV (RFC 4180). */
function readCsv(csv: string): string[][] {
  return csv
    .replace(/^\uFEFF/, '')
    .split(/\n(?=(?:[^"]*"[^"]*")*[^"]*$)/)
    .filter((line) => line !== '')
    .map((line) =>
      line
        .split(/,(?=(?:[^"]*"[^"]*")*[^"]*$)/)
        .map((value) => (value.startsWith('"') ? value.slice(1, -1).replaceAll('""', '"') : value)),
    );
}

const entry: ChainedEntry = {
  ...{ seq: 1, at: 0, event: 'sign_in.failed', outcome: 'refused', actorId: null, subjectId: 'p1' },
  ...{ clientId: null, address: '203.0.113.7', detail: {}, prevHash: '0', hash: '1' },
};

describe('the CSV export of the audit log', () => {
  it('begins with the names of the columns and writes times in ISO 8601', async () => {
    const [names, values] = readCsv(await text(writeCsv(only(entry))));
    assert.deepEqual(names, [
      ...['seq', 'at', 'event', 'outcome', 'actorId', 'subjectId', 'clientId', 'address', 'detail', 'hash'],
    ]);
    assert.deepEqual(values?.slice(0, 3), ['1', '1970-01-01T00:00:00.000Z', 'sign_in.failed']);
  });

  it('keeps every value in its column, and none is a formula for a spreadsheet', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.stringMatching(/^[=+\-@\t\r＝＋－＠",;\n a]{0,8}$/),
        fc.string(),
        async (clientId, reason) => {
          const csv = await text(writeCsv(only({ ...entry, clientId, detail: { reason } })));
          const [, values = []] = readCsv(csv);
          assert.equal(values.length, 10);
          for (const value of values) assert.doesNotMatch(value, /^[=+\-@\t\r＝＋－＠]/);
          assert.equal(values[6]?.replace(/^'(?=[=+\-@\t\r＝＋－＠])/, ''), clientId);
          assert.deepEqual(JSON.parse(values[8] ?? ''), { reason });
        },
      ),
    );
  });
});
