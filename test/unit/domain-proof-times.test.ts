import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import { isTooFarAhead, replayProtectedUntil } from '../../src/domain/proof-times.ts';

const NOW = Date.UTC(2026, 10, 23, 1);
const SECONDS = NOW / 1000;

describe('isTooFarAhead', () => {
  it('accepts an iat up to 60 seconds ahead and rejects later ones', () => {
    for (const ahead of [-400, 0, 10, 59, 60]) assert.equal(isTooFarAhead(SECONDS + ahead, NOW), false, String(ahead));
    for (const ahead of [60.001, 61, 3_000]) assert.equal(isTooFarAhead(SECONDS + ahead, NOW), true, String(ahead));
  });

  it('counts whole seconds of the clock, as the provider does', () => {
    assert.equal(isTooFarAhead(SECONDS + 60, NOW + 999), false);
    assert.equal(isTooFarAhead(SECONDS + 61, NOW + 999), true);
    assert.equal(isTooFarAhead(SECONDS + 61, NOW + 1_000), false);
  });
});

describe('replayProtectedUntil', () => {
  const tolerance = 15;
  const window = 300;

  it('is a whole number of milliseconds, 121 seconds after exp', () => {
    assert.equal(replayProtectedUntil(SECONDS), NOW + 121_000);
    assert.equal(replayProtectedUntil(SECONDS + 0.123456), NOW + 122_000);
  });

  it('is after the last moment of an assertion, even on a node 60 seconds behind', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 1, max: 3_600, noNaN: true }),
        fc.integer({ min: 0, max: 3_800_000 }),
        (life, later) => {
          const exp = SECONDS + life;
          // The provider: jwt.js, assertPayload.
          const accepted = Math.floor((NOW + later) / 1000) - tolerance < exp;
          if (accepted) assert.ok(replayProtectedUntil(exp + tolerance) > NOW + later + 60_000 - 1_000);
        },
      ),
    );
  });

  it('is after the last moment of a DPoP proof, even on a node 60 seconds behind', () => {
    fc.assert(
      fc.property(
        fc.double({ min: -300, max: 60, noNaN: true }),
        fc.integer({ min: 0, max: 999 }),
        fc.integer({ min: 0, max: 400_000 }),
        (ahead, fraction, later) => {
          const now = NOW + fraction;
          const iat = SECONDS + ahead;
          // The provider: validate_dpop.js. It remembers a proof for 300 seconds after its first use.
          const accepted = Math.abs(Math.floor((now + later) / 1000) - iat) <= window;
          if (accepted) assert.ok(replayProtectedUntil(Math.floor(now / 1000) + window) > now + later + 60_000 - 1_000);
        },
      ),
    );
  });
});
