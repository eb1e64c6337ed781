/** Sources of users' own, by name. Functions do not go from thread to thread: each thread registers what it uses. */
import type { SourceDefinition, SourceName } from '../model/index.js'

const definitions = new Map<string, SourceDefinition>()

export const customSource = (name: string): SourceDefinition | undefined => definitions.get(name)

export const isCustomSource = (name: unknown): name is SourceName =>
  typeof name === 'string' && definitions.has(name)

export const customSourceNames = (): string[] => [...definitions.keys()]

export function registerSource(name: string, definition: SourceDefinition): SourceName {
  definitions.set(name, definition)
  return name as SourceName
}
