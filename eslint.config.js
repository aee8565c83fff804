import { dirname, relative, resolve } from 'node:path';
import tseslint from 'typescript-eslint';

/** The folders of `src` that each folder may import. The composition root (container/, main.ts) may import all. */
const BASE = ['platform', 'config', 'domain'];
const SERVICES = ['services', 'presentation', ...BASE];
const MAY_IMPORT = {
  domain: [],
  config: ['domain'],
  platform: ['config', 'domain'],
  presentation: ['config', 'domain'],
  store: BASE,
  services: ['store', 'presentation', ...BASE],
  oidc: SERVICES,
  ldap: SERVICES,
  http: ['oidc', ...SERVICES],
  jobs: SERVICES,
  cli: ['container', 'main.ts', ...SERVICES],
};
/** Files outside `services` that may import `store`. */
const STORE_IMPORTERS = [/^oidc\/adapter\//, /^jobs\/(?:outbox-delivery|purge)\.ts$/];

const importDirection = {
  meta: { type: 'problem', schema: [], messages: { direction: 'src/{{from}} must not import src/{{to}}.' } },
  create(context) {
    const source = resolve(import.meta.dirname, 'src');
    const file = relative(source, context.filename);
    const from = file.split('/', 1)[0];
    const allowed = MAY_IMPORT[from];
    if (allowed === undefined) return {};
    const check = (node) => {
      const specifier = node.source?.value;
      if (typeof specifier !== 'string' || !specifier.startsWith('.')) return;
      const target = relative(source, resolve(dirname(context.filename), specifier));
      if (target.startsWith('..')) return;
      const to = target.split('/', 1)[0];
      const isOpen =
        to === from || allowed.includes(to) || (to === 'store' && STORE_IMPORTERS.some((one) => one.test(file)));
      if (!isOpen) context.report({ node, messageId: 'direction', data: { from: file, to: target } });
    };
    return {
      ImportDeclaration: check,
      ImportExpression: check,
      ExportNamedDeclaration: check,
      ExportAllDeclaration: check,
    };
  },
};

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
      // The compiler option noPropertyAccessFromIndexSignature requires the brackets that this rule would remove.
      '@typescript-eslint/dot-notation': ['error', { allowIndexSignaturePropertyAccess: true }],
      'max-lines-per-function': ['error', { max: 60, skipBlankLines: true, skipComments: true }],
      'max-lines': ['error', { max: 300, skipBlankLines: true, skipComments: true }],
      complexity: ['error', 12],
      // openid-client marks it deprecated as a warning against plain http. The caller allows it for loopback hosts only.
      '@typescript-eslint/no-deprecated': [
        'error',
        { allow: [{ from: 'package', name: 'allowInsecureRequests', package: 'openid-client' }] },
      ],
      eqeqeq: 'error',
      'no-console': 'error',
      'prefer-const': 'error',
    },
  },
  {
    files: ['src/**/*.ts'],
    plugins: { kinpass: { rules: { 'import-direction': importDirection } } },
    rules: { 'kinpass/import-direction': 'error' },
  },
  {
    // In async code, the synchronous calls of better-sqlite3 and drizzle's transaction() lose writes.
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
    // The types of the tables are inferred. Explicit types would repeat the schema.
    files: ['src/store/schema/**/*.ts'],
    rules: { '@typescript-eslint/explicit-module-boundary-types': 'off' },
  },
  {
    files: ['examples/**/*.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            {
              regex: '/src/',
              message: 'Examples must not import the service: a relying party knows only its issuer URL.',
            },
          ],
        },
      ],
    },
  },
  {
    files: ['test/**/*.ts'],
    rules: { 'max-lines-per-function': 'off', '@typescript-eslint/no-floating-promises': 'off' },
  },
);
