import { createHash } from 'node:crypto';
import { chmodSync, copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { z } from 'zod';
import { SERVICE_SECRET, type TestDirectory } from './directory.ts';

const FILES = join(import.meta.dirname, '../../docs/directory-clients');
const clientsFile = z.object({ clients: z.array(z.looseObject({})) });

/** Returns the registrations of docs/directory-clients, with the secret of the tests. */
export function recipeClients(): object[] {
  const hash = createHash('sha256').update(SERVICE_SECRET).digest('hex');
  return clientsFile.parse(JSON.parse(readRecipe('clients.json').replaceAll('the-secret-hash', hash))).clients;
}

export function readRecipe(file: string): string {
  return readFileSync(join(FILES, file), 'utf8');
}

/** A folder for the configurations of a client, readable by every user, because some programs change theirs. */
export interface RecipeFolder {
  path: string;
  /** Certificate of the directory and of FreeRADIUS. */
  caFile: string;
  /** Writes a file of docs/directory-clients with the addresses, files and secrets of the test. Returns its path. */
  write(file: string, replacements?: Readonly<Record<string, string>>): string;
  /** Writes another file. */
  create(file: string, text: string): string;
  remove(): void;
}

export function createRecipeFolder({ url, certificate }: TestDirectory): RecipeFolder {
  const path = mkdtempSync(join(tmpdir(), 'kinpass-recipes-'));
  chmodSync(path, 0o755);
  const [caFile, keyFile] = [join(path, 'ca.pem'), join(path, 'key.pem')];
  copyFileSync(certificate.certFile, caFile);
  copyFileSync(certificate.keyFile, keyFile);
  const settings = {
    'ldap://id.city.example': url,
    '/etc/ssl/certs/city.pem': caFile,
    '/etc/ssl/certs/radius.pem': caFile,
    '/etc/ssl/private/radius.key': keyFile,
    'the-secret': SERVICE_SECRET,
  };
  const create: RecipeFolder['create'] = (file, text) => {
    writeFileSync(join(path, file), text, { mode: 0o600 });
    return join(path, file);
  };
  return {
    path,
    caFile,
    create,
    write: (file, replacements = {}) => {
      const all = Object.entries({ ...settings, ...replacements });
      return create(
        file,
        all.reduce((text, [from, to]) => text.replaceAll(from, to), readRecipe(file)),
      );
    },
    remove: () => {
      rmSync(path, { recursive: true, force: true });
    },
  };
}
