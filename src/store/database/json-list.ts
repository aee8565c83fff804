import { sql, type AnyColumn, type Placeholder, type SQL } from 'drizzle-orm';

import type { Dialect } from './transaction.ts';

/**
 * Returns the condition that a column has one of the texts of a JSON array. The array is one parameter for any number of texts, so a statement
 * is prepared once.
 */
export function isInJsonList(column: AnyColumn, list: Placeholder, dialect: Dialect): SQL {
  return dialect === 'sqlite'
    ? sql`${column} in (select value from json_each(${list}))`
    : sql`${column} = any(array(select json_array_elements_text(${list}::json)))`;
}
