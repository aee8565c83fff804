/** What mutation testing changes, and the tests that judge it. */

/** Source files that are mutated together, and the test files of which at least one must fail for each mutant. */
export interface Part {
  /** Paths or glob patterns. */
  sources: readonly string[];
  /** Paths or glob patterns. */
  tests: readonly string[];
  /** Default: the SQLite cases alone. */
  dialects?: 'sqlite' | 'both';
}

export const GROUPS: Readonly<Partial<Record<string, readonly Part[]>>> = {
  /** The rules. All files; `model.ts` is mostly types and has hardly anything to change. */
  domain: [{ sources: ['src/domain/*.ts'], tests: ['test/unit/domain-*.test.ts'] }],
  services: [
    {
      sources: ['access', 'affiliations', 'endings', 'guardianships', 'people'].map(
        (name) => `src/services/${name}.ts`,
      ),
      tests: ['test/unit/services-{access,endings,people}.test.ts'],
    },
  ],
};
