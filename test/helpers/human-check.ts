import assert from 'node:assert/strict';
import { solveChallenge } from 'altcha-lib';
import { deriveKey } from 'altcha-lib/algorithms/pbkdf2';
import { z } from 'zod';
import { formOf, type Answer } from './http-browser.ts';

const challengeField = z.object({
  challenge: z.object({
    parameters: z.looseObject({
      algorithm: z.string(),
      nonce: z.string(),
      salt: z.string(),
      cost: z.number(),
      keyLength: z.number(),
      keyPrefix: z.string(),
    }),
    signature: z.string(),
  }),
});

/** Solves the human check of a page, as its script does. @returns the field to send with the form */
export async function solveHumanCheck(page: Answer): Promise<{ human_check: string }> {
  const value = formOf(page.body).hidden['human_check'] ?? '';
  assert.notEqual(value, '', 'the page has a human check');
  const { challenge } = challengeField.parse(JSON.parse(Buffer.from(value, 'base64url').toString('utf8')));
  const solution = await solveChallenge({ challenge, deriveKey });
  assert.ok(solution);
  const { counter, derivedKey } = solution;
  const answer = { challenge, solution: { counter, derivedKey } };
  return { human_check: Buffer.from(JSON.stringify(answer)).toString('base64url') };
}
