/** Headers that a configuration has sent along. */
import { TOKEN } from './common.js'
import { type Faults, join } from './faults.js'
import { isRecord, record, text, ts } from './kinds.js'
import { validate } from './validate.js'
import { show } from './words.js'

/** RFC 9110 field values: no control characters but the tab. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const BAD_HEADER_VALUE = /[\u0000-\u0008\u000a-\u001f\u007f]|[^\u0000-\u00ff]/

const HEADER_VALUE = text({ right: 'text' })

export const headers = (about: string) =>
  record('an object of header values by name', {
    ts: ts<Readonly<Record<string, string>>>('Readonly<Record<string, string>>'),
    default: {},
    defaultText: '`{}`',
    about,
  })

/** Adds what is wrong with the names and the values. */
export function checkHeaders(headers: unknown, path: string, faults: Faults): void {
  if (!isRecord(headers)) return
  for (const [name, value] of Object.entries(headers)) {
    const at = join(path, name)
    if (!TOKEN.test(name)) faults.add(at, `${show(name)} is not the name of a header`)
    const text = validate(HEADER_VALUE, value, at, faults)
    if (text !== undefined && BAD_HEADER_VALUE.test(text))
      faults.add(at, 'has a character that no header value may have')
  }
}
