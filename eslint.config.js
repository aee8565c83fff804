import tseslint from 'typescript-eslint';

/** Arrows point one way: http, oidc, ldap, jobs, cli → services → store; domain imports nothing of ours. */
const forbid = (folder, ...groups) => ({
  files: [`src/${folder}/**/*.ts`],
  rules: {
    'no-restricted-imports': [
      'error',
      {
        patterns: groups.map((group) => ({
          regex: `^(\\.\\./)+${group}/`,
          message: `src/${folder} must not import src/${group}: arrows point one way.`,
        })),
      },
    ],
  },
});
const faces = ['http', 'oidc', 'ldap', 'jobs', 'cli'];

export default tseslint.config(
  { ignores: ['node_modules/', 'data/', 'coverage/', 'migrations/', 'reports/', '.stryker-tmp/'] },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/consistent-type-definitions': ['error', 'interface'],
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      '@typescript-eslint/no-non-null-assertion': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      // noPropertyAccessFromIndexSignature of the compiler asks for the brackets that this rule would remove.
      '@typescript-eslint/dot-notation': ['error', { allowIndexSignaturePropertyAccess: true }],
      'max-lines-per-function': ['error', { max: 60, skipBlankLines: true, skipComments: true }],
      'max-lines': ['error', { max: 300, skipBlankLines: true, skipComments: true }],
      complexity: ['error', 12],
      // "Deprecated" there is a warning sign: plain http is for loopback hosts only, and that is checked where it is used.
      '@typescript-eslint/no-deprecated': [
        'error',
        { allow: [{ from: 'package', name: 'allowInsecureRequests', package: 'openid-client' }] },
      ],
      eqeqeq: 'error',
      'no-console': 'error',
      'prefer-const': 'error',
    },
  },
  forbid('domain', 'config', 'services', 'store', 'http', 'oidc', 'ldap', 'jobs', 'cli'),
  forbid('config', 'services', 'store', ...faces),
  forbid('store', 'services', ...faces),
  forbid('services', ...faces),
  forbid('oidc', 'http', 'ldap', 'jobs', 'cli'),
  forbid('jobs', 'http', 'ldap', 'cli'),
  forbid('http', 'ldap', 'jobs', 'cli'),
  forbid('cli', 'store', 'http', 'oidc', 'ldap', 'jobs'),
  {
    // The synchronous better-sqlite3 calls and drizzle's own transaction() lose writes when they meet async code.
    files: ['src/**/*.ts'],
    ignores: ['src/store/database/**'],
    rules: {
      'no-restricted-syntax': [
        'error',
        {
          selector: 'CallExpression[arguments.length=0][callee.property.name=/^(get|all|run)$/]',
          message: 'Await the query: .get(), .all() and .run() exist on SQLite only.',
        },
        {
          selector: "CallExpression[callee.property.name='transaction']",
          message: 'Use store.write(fn): drizzle’s transaction() keeps the rows of a failed async function on SQLite.',
        },
      ],
    },
  },
  {
    // The types of the tables are inferred; written out they would be the schema a second time.
    files: ['src/store/schema/**/*.ts'],
    rules: { '@typescript-eslint/explicit-module-boundary-types': 'off' },
  },
  {
    files: ['examples/**/*.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        { patterns: [{ regex: '/src/', message: 'A relying party knows the service only by its issuer URL.' }] },
      ],
    },
  },
  {
    files: ['test/**/*.ts'],
    rules: { 'max-lines-per-function': 'off', '@typescript-eslint/no-floating-promises': 'off' },
  },
);
