/** The parts of the groups of mutation testing, and the paths of their files. */

/** Source files that are mutated together, and the test files of which at least one must fail for each mutant. */
export interface Part {
  /** Paths or glob patterns. */
  sources: readonly string[];
  /** Paths or glob patterns. Each costs its running time for every mutant that it reaches, so keep the list short. */
  tests: readonly string[];
  /** Default: only the SQLite cases. */
  dialects?: 'sqlite' | 'both';
  /** Default: `perTest`. `off` for code in a worker thread or another process, where no coverage is measured. */
  coverage?: 'perTest' | 'off';
}

export const files = (folder: string, names: string): string[] =>
  names.split(' ').map((name) => `src/${folder}/${name}.ts`);
export const unit = (names: string): string[] => names.split(' ').map((name) => `test/unit/${name}.test.ts`);
export const http = (names: string): string[] => names.split(' ').map((name) => `test/http/${name}.test.ts`);
export const security = (names: string): string[] => names.split(' ').map((name) => `test/security/${name}.test.ts`);
export const ldap = (names: string): string[] => names.split(' ').map((name) => `test/ldap/${name}.test.ts`);
export const contract = (names: string): string[] => names.split(' ').map((name) => `test/contract/${name}.test.ts`);
