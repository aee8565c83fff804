/** Replaces the types of preact, which Auth.js imports: they would add the global types of browsers to the whole project. */
export {};
