/** Generates the table of settings in docs/operators.md from the schema: `npm run docs:config`. */
import { readFileSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import { environmentSchema } from '../src/config/environment.ts';

const FILE = new URL('../docs/operators.md', import.meta.url);
const START = '<!-- settings: made by npm run docs:config -->';
const END = '<!-- end of settings -->';

const property = z.object({
  description: z.string().default(''),
  default: z.union([z.string(), z.number(), z.boolean()]).optional(),
});
const schema = z.object({ properties: z.record(z.string(), property), required: z.array(z.string()).default([]) });

/** Renders the table as Markdown, one row for each setting. */
export function settingsTable(): string {
  const json = schema.parse(z.toJSONSchema(environmentSchema, { io: 'input', unrepresentable: 'any' }));
  const rows = Object.entries(json.properties).map(([name, { description, default: value }]) => {
    const preset = json.required.includes(name)
      ? '**needed**'
      : value === undefined || value === ''
        ? ''
        : `\`${String(value)}\``;
    return `| \`${name}\` | ${preset} | ${description.replaceAll('|', '\\|')} |`;
  });
  return ['| setting | default | what |', '| --- | --- | --- |', ...rows].join('\n');
}

/** The page with today's table in its place. @throws {Error} when the page has lost the marks around the table */
export function withTable(page: string): string {
  const [before, rest] = page.split(START);
  const [, after] = rest?.split(END) ?? [];
  if (before === undefined || after === undefined) throw new Error('docs/operators.md has lost the marks of the table');
  return `${before}${START}\n\n${settingsTable()}\n\n${END}${after}`;
}

if (import.meta.main) writeFileSync(FILE, withTable(readFileSync(FILE, 'utf8')));
