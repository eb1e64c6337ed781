import type * as zod from 'zod/mini'
import { type Faults, join } from './faults.js'
import { isRecord } from './kinds.js'
import type { Option } from './option.js'
import { KEY_SEPARATOR, schemaOf } from './schema.js'
import type { ValueOf } from './types.js'
import { unknownKey, wrong } from './words.js'

type Issue = zod.core.$ZodIssue

/** Checks copied plain data against an option; adds what is wrong to `faults` and then returns undefined. */
export function validate<const O extends Option>(
  option: O,
  value: unknown,
  path: string,
  faults: Faults,
): ValueOf<O> | undefined {
  const result = schemaOf(option).safeParse(value, { reportInput: true })
  if (result.success) return result.data as ValueOf<O>
  for (const issue of result.error.issues) addIssue(issue, path, faults)
  return undefined
}

function addIssue(issue: Issue, base: string, faults: Faults): void {
  const path = issue.path.reduce<string>(
    (at, key) => join(at, typeof key === 'number' ? key : String(key)),
    base,
  )
  if (issue.code === 'unrecognized_keys') {
    // The schema library takes bytes for an object with numbered keys.
    if (!isRecord(issue.input)) return faults.add(path, wrong('an object', issue.input))
    const known = issue.message.split(KEY_SEPARATOR).filter((key) => key !== '')
    for (const key of issue.keys) faults.add(join(path, key), unknownKey(key, known))
    return
  }
  // Of "an object or false", an object can only have meant the object: then its own faults say more.
  const branch =
    issue.code === 'invalid_union' && isRecord(issue.input) ? issue.errors.find(isInside) : undefined
  if (branch === undefined) faults.add(path, issue.message)
  else for (const inner of branch) addIssue(inner, path, faults)
}

/** Whether the value was of the right kind, so that its faults lie further inside. */
const isInside = (issues: readonly Issue[]): boolean =>
  issues.length > 0 && issues.every((issue) => issue.path.length > 0 || issue.code === 'unrecognized_keys')
