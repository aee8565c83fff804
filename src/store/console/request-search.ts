/** A row of a list of requests; a page begins after it. */
export interface RequestPosition {
  /** The time that the list is sorted by, ms since 1970. */
  at: number;
  id: string;
}

export interface RequestSearch {
  /** undefined for the whole city */
  schoolCodes: readonly string[] | undefined;
  after: RequestPosition | undefined;
  limit: number;
}
