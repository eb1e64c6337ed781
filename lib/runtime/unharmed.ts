/**
 * Calls what belongs to somebody else, in the middle of work that has to go on: what it throws is uncaught all the same, a moment
 * later, as with subscribers of diagnostics channels.
 */
export function unharmed(call: () => void): void {
  try {
    call()
  } catch (error) {
    process.nextTick(() => {
      throw error
    })
  }
}
