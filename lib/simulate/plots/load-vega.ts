import { MissingPackageError } from '../../errors.js'

/**
 * The library that draws, loaded when the first plot is drawn: an optional peer dependency, as few programs plot.
 * By `import()`, since it awaits at its top level. Throws a MissingPackageError.
 */
export async function loadVega(): Promise<typeof import('vega')> {
  try {
    return await import('vega')
  } catch (cause) {
    throw new MissingPackageError('vega', 'A plot', '6', { cause })
  }
}
