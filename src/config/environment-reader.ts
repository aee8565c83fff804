import { join } from 'node:path';
import type { z } from 'zod';
import { ConfigError } from './config-error.ts';
import { environmentSchema } from './environment.ts';
import { describeIssue, findNearest } from './field-problems.ts';
import { PROGRAM_FOLDER } from './program-folder.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** The valid settings of an environment, and one line for each other one. */
interface ReadEnvironment<T extends z.ZodRawShape> {
  /** Undefined when a setting is missing or invalid. */
  settings: z.output<z.ZodObject<T>> | undefined;
  /** Those that are valid. */
  valid: z.output<z.ZodObject<{ -readonly [K in keyof T]: z.ZodOptional<T[K]> }>>;
  problems: readonly string[];
}

/** Reads the settings of a schema. A name that is no setting is a problem too, because the intended one would silently have its default. */
export function readEnvironment<T extends z.ZodRawShape>(schema: z.ZodObject<T>, env: Environment): ReadEnvironment<T> {
  const given = Object.entries(env).filter(([name, value]) => value !== undefined && name in schema.shape);
  // Compose and shells set a variable to nothing when another one is missing. Its default may be another database.
  const empty = given.flatMap(([name, value]) => (value?.trim() === '' && name !== 'NODE_ENV' ? [name] : []));
  const present = { ...DEFAULT_PATHS, ...Object.fromEntries(given.filter(([, value]) => value?.trim() !== '')) };
  const parsed = schema.safeParse(present);
  const issues = (parsed.error?.issues ?? []).filter(({ path: [name] }) => !empty.includes(String(name)));
  const invalid = new Set(issues.map(({ path: [name] }) => String(name)));
  const usable = Object.fromEntries(Object.entries(present).filter(([name]) => !invalid.has(name)));
  const problems = [
    ...listUnknown(env),
    ...empty.map((name) => `${name}: is set but empty; set a value or remove it${purposeOf(name)}`),
    ...issues.map((issue) => describeProblem(issue, present)),
  ];
  return {
    settings: problems.length === 0 ? parsed.data : undefined,
    valid: schema.partial().parse(usable),
    problems,
  };
}

/**
 * Reads the settings of a schema.
 *
 * @throws {ConfigError} that lists each invalid setting
 */
export function parseEnvironment<T extends z.ZodRawShape>(
  schema: z.ZodObject<T>,
  env: Environment,
): z.output<z.ZodObject<T>> {
  const { settings, problems } = readEnvironment(schema, env);
  if (settings === undefined) throw new ConfigError(problems.join('\n'));
  return settings;
}

/** Default paths are in the folder of the program, whatever the folder that it runs in. */
const DEFAULT_PATHS: Readonly<Record<string, string>> = Object.fromEntries(
  (['KINPASS_DATABASE_FILE', 'KINPASS_BRAND_FILE'] as const).map((name) => [
    name,
    join(PROGRAM_FOLDER, environmentSchema.shape[name].parse(undefined)),
  ]),
);

/** Settings of `npm run demo`. */
const OTHER_SETTINGS = new Set(['KINPASS_DEMO_PORT', 'KINPASS_DEMO_DIR']);
/** Kubernetes sets these in each pod for a Service whose name begins with kinpass, unless `enableServiceLinks` is false. */
const SERVICE_LINK = /^KINPASS_(?:\w+_)?(?:SERVICE_(?:HOST|PORT\w*)|PORT_\d+_(?:TCP|UDP)\w*)$/;

function listUnknown(env: Environment): string[] {
  const names = Object.keys(environmentSchema.shape);
  const unknown = Object.keys(env).filter(
    (name) =>
      name.toUpperCase().startsWith('KINPASS_') &&
      env[name] !== undefined &&
      !names.includes(name) &&
      !OTHER_SETTINGS.has(name) &&
      !SERVICE_LINK.test(name),
  );
  return unknown.map(
    (name) => `${name}: is not a setting; did you mean ${findNearest(name, names)}? If not, remove it`,
  );
}

function describeProblem(issue: z.core.$ZodIssue, present: Readonly<Record<string, unknown>>): string {
  const name = issue.path.join('.');
  return `${name}: ${describeIssue(issue, present[name])}${purposeOf(name)}`;
}

function purposeOf(name: string): string {
  const shape: Record<string, z.ZodType> = environmentSchema.shape;
  const purpose = shape[name]?.description;
  return purpose === undefined ? '' : ` (${purpose})`;
}
