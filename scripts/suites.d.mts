export const LONG: Record<string, string[]>
export const ENGINES: string[]
export const PACKAGE: string[]
export const SOAK: string[]
export const longPatterns: string[]
