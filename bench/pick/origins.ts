/** Origins of `n` endpoints that nobody will connect to, in 10.0.0.0/8. */
export const origins = (n: number): string[] =>
  Array.from({ length: n }, (_, i) => `http://10.${i >> 16}.${(i >> 8) & 255}.${i & 255}:8080`)
