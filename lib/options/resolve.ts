import type { Option, Shape } from './option.js'
import type { ConfigOf, ResolvedOf } from './types.js'

/** Checked values of options, with every default filled in. Nothing that is given is changed. */
export function withDefaults<S extends Shape>(shape: S, given: Partial<ConfigOf<S>>): ResolvedOf<S> {
  const values = given as Readonly<Record<string, unknown>>
  const resolved: Record<string, unknown> = {}
  for (const [key, option] of Object.entries<Option>(shape)) {
    const value = values[key]
    if (option.kind === 'group') {
      const isOff = (value === undefined || value === false) && option.off === true
      resolved[key] = isOff
        ? undefined
        : withDefaults(option.shape, (value === undefined || value === true ? {} : value) as object)
    } else if (value !== undefined) resolved[key] = value
    else if (option.default !== undefined) resolved[key] = option.default
  }
  return resolved as ResolvedOf<S>
}
