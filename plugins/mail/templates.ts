import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Eta } from 'eta'
import { type Letter, type Mail, type TemplateName, templates } from '../../domain/mail/messages.ts'

const OWN_FOLDER = fileURLToPath(new URL('templates', import.meta.url))
const SUBJECT = /^Subject: (.+)\n\n/

/** Values for a trial of the templates at the start. */
const SAMPLES: { [Name in TemplateName]: Extract<Letter, { template: Name }>['values'] } = {
  'password-reset': {
    service: 'auth.example.com',
    link: 'https://auth.example.com/',
    code: 'ABCD-EFGH',
    minutes: '60'
  },
  'password-changed': {
    service: 'auth.example.com',
    when: '2026-01-01T00:00:00.000Z',
    where: '192.0.2.1',
    link: 'https://auth.example.com/'
  }
}

/** Writes the words of a letter. */
export type RenderMail = (letter: Letter) => Mail

/**
 * Reads the templates: `NAME.txt.eta`, which begins with the line `Subject: …` and an empty one, and `NAME.html.eta`. A file in the
 * operator's folder replaces Gatehouse's own. Throws an Error that names the file if a template does not work.
 */
export function readTemplates(folder: string): RenderMail {
  if (folder && !existsSync(folder)) throw new Error(`${folder}: there is no such folder`)
  const text = new Eta({ autoEscape: false, autoTrim: false })
  const html = new Eta({ autoEscape: true, autoTrim: false })
  const sources = Object.fromEntries(
    templates.map((name) => [
      name,
      { text: read(folder, `${name}.txt.eta`), html: read(folder, `${name}.html.eta`) }
    ])
  ) as Record<TemplateName, Record<'text' | 'html', { path: string; source: string }>>

  const render: RenderMail = ({ template, to, values }) => {
    const written = renderOne(text, sources[template].text, values)
    const [head = '', subject] = SUBJECT.exec(written) ?? []
    if (subject === undefined)
      throw faultOf(sources[template].text, 'begins without "Subject: …" and an empty line')
    return {
      to,
      subject,
      text: written.slice(head.length),
      html: renderOne(html, sources[template].html, values)
    }
  }

  for (const template of templates)
    render({ userId: '', to: 'ada@example.com', template, values: SAMPLES[template] } as Letter)
  return render
}

function read(folder: string, file: string): { path: string; source: string } {
  const theirs = folder ? join(folder, file) : ''
  const path = theirs && existsSync(theirs) ? theirs : join(OWN_FOLDER, file)
  return { path, source: readFileSync(path, 'utf8').replaceAll('\r\n', '\n') }
}

function renderOne(eta: Eta, from: { path: string; source: string }, values: object): string {
  try {
    return eta.renderString(from.source, known(values))
  } catch (error) {
    throw faultOf(from, (error as Error).message)
  }
}

// Eta would write `undefined` for a name that no value has.
function known(values: object): object {
  return new Proxy(values, {
    get(target, name) {
      if (typeof name === 'symbol' || name in target) return Reflect.get(target, name)
      throw new Error(`uses it.${name}, and there is only ${Object.keys(target).join(', ')}`)
    }
  })
}

function faultOf({ path }: { path: string }, message: string): Error {
  return new Error(`${path}: ${message.trim().split('\n')[0]}`)
}
