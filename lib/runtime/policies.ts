/** Policies of users' own, by name. Functions do not go from thread to thread: each thread registers what it uses. */
import type { CustomPolicyName, PolicyDefinition } from '../model/index.js'

const definitions = new Map<string, PolicyDefinition>()

export const customPolicy = (name: string): PolicyDefinition | undefined => definitions.get(name)

export const isCustomPolicy = (name: unknown): name is CustomPolicyName =>
  typeof name === 'string' && definitions.has(name)

export const customPolicyNames = (): string[] => [...definitions.keys()]

export function registerPolicy(name: string, definition: PolicyDefinition): CustomPolicyName {
  definitions.set(name, definition)
  return name as CustomPolicyName
}
