import {
  findNodeAtLocation,
  getNodeValue,
  parseTree,
  printParseErrorCode,
  type Node,
  type ParseError,
} from 'jsonc-parser';

/** A problem of a JSON text, at the offset where it starts. */
interface SourceProblem {
  offset: number;
  message: string;
}

/** A JSON text with the places of its values. */
export interface JsonSource {
  /** `undefined` if the text cannot be read. */
  value: unknown;
  /** Errors of the syntax, and members that are given twice. */
  problems: readonly SourceProblem[];
  /** Returns the offset of a value; `undefined` if there is none. */
  findOffset(path: readonly PropertyKey[]): number | undefined;
  /** Returns the offset of the name of a member; `undefined` if there is none. */
  findNameOffset(path: readonly PropertyKey[]): number | undefined;
  /** Returns a place as `line 3, column 5`. */
  placeOf(offset: number): string;
  lineOf(offset: number): number;
}

/** Reads a JSON text. Commas after the last member and comments are problems, and do not hide the problems of the values. */
export function readJsonSource(text: string): JsonSource {
  const errors: ParseError[] = [];
  const root = parseTree(text, errors, { allowTrailingComma: true, disallowComments: false });
  const [first] = errors;
  const find = (path: readonly PropertyKey[]): Node | undefined =>
    root === undefined
      ? undefined
      : findNodeAtLocation(
          root,
          path.filter((part) => typeof part !== 'symbol'),
        );
  const lineStarts = [0, ...Array.from(text.matchAll(/\n/g), ({ index }) => index + 1)];
  const lineOf = (offset: number): number => {
    const next = lineStarts.findIndex((start) => start > offset);
    return next === -1 ? lineStarts.length : next;
  };
  const isReadable = first === undefined && root !== undefined;
  return {
    value: isReadable ? getNodeValue(root) : undefined,
    problems: isReadable
      ? [...findForbidden(text), ...findRepeated(root)]
      : // After the first error of the syntax, further ones are guesses.
        [{ offset: first?.offset ?? 0, message: `not valid JSON: ${describeError(text, first)}` }],
    findOffset: (path) => find(path)?.offset,
    findNameOffset: (path) => {
      const parent = find(path)?.parent;
      return parent?.type === 'property' ? parent.offset : undefined;
    },
    placeOf: (offset) => {
      const line = lineOf(offset);
      return `line ${String(line)}, column ${String(offset - (lineStarts[line - 1] ?? 0) + 1)}`;
    },
    lineOf,
  };
}

/** Finds what JSON forbids and editors accept. */
function findForbidden(text: string): SourceProblem[] {
  const errors: ParseError[] = [];
  parseTree(text, errors, { allowTrailingComma: false, disallowComments: true });
  return errors.map(({ error, offset }) =>
    printParseErrorCode(error) === 'InvalidCommentToken'
      ? { offset, message: 'not valid JSON: comments are not allowed' }
      : { offset: text.lastIndexOf(',', offset), message: 'not valid JSON: no comma may follow the last entry' },
  );
}

/** Finds members with the same name. Only the last one would count. */
function findRepeated(node: Node): SourceProblem[] {
  const names = new Set<string>();
  return (node.children ?? []).flatMap((child) => {
    const inner = findRepeated(child);
    const [name] = child.children ?? [];
    if (child.type !== 'property' || typeof name?.value !== 'string') return inner;
    if (names.has(name.value)) inner.push({ offset: child.offset, message: `"${name.value}" is given twice` });
    names.add(name.value);
    return inner;
  });
}

const SENTENCES: Readonly<Record<string, string>> = {
  CloseBraceExpected: 'an object is not closed, "}" is missing',
  CloseBracketExpected: 'a list is not closed, "]" is missing',
  ColonExpected: 'a colon is missing after a name',
  CommaExpected: 'a comma is missing before this entry',
  EndOfFileExpected: 'more text follows the end of the object',
  InvalidCharacter: 'a text contains a control character, such as a tab or a line end',
  InvalidEscapeCharacter: 'a text contains an unknown escape sequence',
  InvalidNumberFormat: 'a number is incomplete',
  InvalidSymbol: 'texts need double quotation marks',
  PropertyNameExpected: 'a name in double quotation marks is missing',
  UnexpectedEndOfComment: 'comments are not allowed',
  UnexpectedEndOfString: 'a quotation mark is missing at the end of a text',
  ValueExpected: 'a value is missing',
};

function describeError(text: string, error: ParseError | undefined): string {
  if (text.trim() === '') return 'the file is empty';
  return SENTENCES[error === undefined ? '' : printParseErrorCode(error.error)] ?? 'this text is not JSON';
}
