/** Waits for a promise, which never rejects, but for no longer than `ms`. Keeps the process alive meanwhile. */
export function atMost(promise: Promise<void>, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    void promise.then(() => {
      clearTimeout(timer)
      resolve()
    })
  })
}
