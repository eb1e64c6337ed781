export function sumOf(list: readonly { url: string; metadata: Record<string, unknown> }[]): number
