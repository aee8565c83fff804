import { resolve } from 'node:path';

/** The folder of the program, to which the defaults of paths are relative. */
export const PROGRAM_FOLDER = resolve(import.meta.dirname, '../..');
