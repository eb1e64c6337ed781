/** One line for each circle of files that import each other. `imports`: what each file imports. */
export function circlesOf(imports: ReadonlyMap<string, readonly string[]>): string[]
