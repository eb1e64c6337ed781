/** Links of Markdown pages, and whether they lead anywhere. */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'

export interface LinkOptions {
  /** Where the pages are. Links may lead to what is there, and nowhere above. */
  readonly folder: string
  /** The address of the repository's files on its main branch, ending in `/`. */
  readonly blob: string
  /** A clone: what a link below `blob` has to name. */
  readonly clone: string
}

/** The targets of a page's links and images, but for those in blocks of code. */
export function linksOf(text: string): string[] {
  const prose = text.replace(/^(```|~~~)[\s\S]*?^\1/gm, '').replace(/`[^`\n]*`/g, '')
  const inline = [...prose.matchAll(/\]\(\s*<?([^)\s>]+)>?[^)]*\)/g)]
  const references = [...prose.matchAll(/^\[[^\]]+\]:\s*(\S+)/gm)]
  const html = [...prose.matchAll(/\b(?:href|src(?:set)?)="([^"\s]+)"/g)]
  return [...inline, ...references, ...html].map(([, target]) => target)
}

/** The links of a page that lead nowhere. Those to other sites are not followed. */
export function brokenLinks(page: string, options: LinkOptions): string[] {
  const text = readFileSync(join(options.folder, page), 'utf8')
  return linksOf(text).filter((link) => !leadsSomewhere(page, link, options))
}

function leadsSomewhere(page: string, link: string, { folder, blob, clone }: LinkOptions): boolean {
  const [target, anchor] = link.split('#')
  if (target.startsWith(blob)) return existsSync(join(clone, target.slice(blob.length)))
  if (/^[a-z][a-z\d+.-]*:/i.test(target)) return true
  const path = target === '' ? page : normalize(join(dirname(page), target))
  if (path.startsWith('..') || !existsSync(join(folder, path))) return false
  return !anchor || !path.endsWith('.md') || anchorsOf(readFileSync(join(folder, path), 'utf8')).has(anchor)
}

/** As GitHub makes them of headings: no punctuation, hyphens for spaces. */
function anchorsOf(text: string): Set<string> {
  const headings = text.replace(/^(```|~~~)[\s\S]*?^\1/gm, '').matchAll(/^#{1,6}\s+(.+?)\s*$/gm)
  const words = [...headings].map(([, heading]) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\p{M}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  )
  return new Set(words)
}
