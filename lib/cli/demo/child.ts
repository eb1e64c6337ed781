/** The child's side of the demonstration's processes. */

/** What the parent wants of this process: its one argument. */
export function jobOf<T>(): T {
  if (process.send === undefined || process.argv[2] === undefined) {
    throw new Error('this file is a part of `fairlead demo`, which starts it')
  }
  return JSON.parse(process.argv[2]) as T
}

/** Ends this process when its parent is gone, however it went. Ctrl-C reaches the whole group; the parent decides. */
export function endWithParent(): void {
  process.on('disconnect', () => process.exit(0))
  process.on('SIGINT', () => {})
}
