/**
 * A Stryker plugin that ignores the wording of logs and errors: the texts in `log.warn(…)`, `new SomeError(…)` and `createError(…)`.
 * Tests check that an error is thrown and its class or status, not its wording.
 */
interface Node {
  type: string;
  callee?: { name?: string; object?: { name?: string }; property?: { name?: string } };
}

/** The members of Babel's NodePath that this plugin uses. */
interface Path {
  node: Node;
  listKey?: string | undefined;
  parentPath: Path | null;
}

const LEVELS = ['debug', 'info', 'warn', 'error', 'fatal'];

function isLogCall({ type, callee }: Node): boolean {
  if (type !== 'CallExpression' && type !== 'OptionalCallExpression') return false;
  return callee?.object?.name === 'log' && LEVELS.includes(callee.property?.name ?? '');
}

function isNewError({ type, callee }: Node): boolean {
  if (type === 'CallExpression') return callee?.name === 'createError';
  return type === 'NewExpression' && callee?.name?.endsWith('Error') === true;
}

function shouldIgnore({ node, listKey, parentPath }: Path): string | undefined {
  if (node.type !== 'StringLiteral' && node.type !== 'TemplateLiteral') return undefined;
  if (listKey !== 'arguments' || parentPath === null) return undefined;
  if (isLogCall(parentPath.node)) return 'the wording of a log line';
  return isNewError(parentPath.node) ? 'the wording of an error' : undefined;
}

export const strykerPlugins = [{ kind: 'Ignore', name: 'wording', value: { shouldIgnore } }];
