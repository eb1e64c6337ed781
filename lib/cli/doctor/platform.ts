interface ReportHeader {
  readonly glibcVersionRuntime?: string
}

/** The machine and the Node process, as far as a binary cares. */
export function platformFindings() {
  return {
    platform: process.platform,
    arch: process.arch,
    libc: libc(),
    node: process.version,
    nodeApi: process.versions['napi'],
  }
}

/** `glibc 2.36`, `musl` (a Linux whose Node was not linked with glibc); undefined elsewhere. */
function libc(): string | undefined {
  if (process.platform !== 'linux') return undefined
  const { header } = process.report.getReport() as unknown as { header: ReportHeader }
  return header.glibcVersionRuntime === undefined ? 'musl' : `glibc ${header.glibcVersionRuntime}`
}
