/** What is wrong with the checked-in reports; `write` makes them anew. */
export function apiReports(how: { write: boolean }): Promise<string[]>
