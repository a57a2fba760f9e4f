import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import type { Letter } from '../../../domain/mail/messages.ts'
import { readTemplates } from '../../../plugins/mail/templates.ts'
import { build } from '../../harness/build.ts'
import { newFolder } from '../../harness/folder.ts'

const letter = (service: string): Letter => ({
  userId: 'u1',
  to: 'ada@example.com',
  template: 'password-changed',
  values: { service, when: 'now', where: 'here', link: 'https://auth.example.com' }
})

t.test('values are escaped in HTML, and stand as they are in text', async (t) => {
  const mail = readTemplates('')(letter('<b>&"'))
  t.match(mail.text, '<b>&"')
  t.match(mail.html, '&lt;b&gt;&amp;&quot;')
  t.notMatch(mail.html, '<b>')
})

t.test('a file in the operator’s folder replaces one of Gatehouse’s, and only that', async (t) => {
  const folder = await newFolder(t)
  await writeFile(
    join(folder, 'password-changed.txt.eta'),
    'Subject: Neu bei <%= it.service %>\r\n\r\nHallo\r\n'
  )
  const mail = readTemplates(folder)(letter('example.com'))
  t.match(mail, { subject: 'Neu bei example.com', text: 'Hallo\n' })
  t.match(mail.html, 'was changed')
})

t.test('a template that does not work stops the start, with its file and what is wrong', async (t) => {
  const cases = [
    ['Subject: x\n\n<%= it.nonsense %>', 'uses it.nonsense, and there is only service, when, where, link'],
    ['no subject', 'begins without "Subject: …" and an empty line'],
    ['Subject: x\n\n<% if (', 'unclosed tag']
  ] as const
  for (const [source, fault] of cases) {
    const folder = await newFolder(t)
    await writeFile(join(folder, 'password-changed.txt.eta'), source)
    await t.rejects(build(t, { env: { AUTH_MAIL_TEMPLATES: folder } }), {
      name: 'Error',
      message: new RegExp(
        `AUTH_MAIL_TEMPLATES .*password-changed.txt.eta: .*${fault.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}`
      )
    })
  }
})

t.test('a folder that is not there stops the start', async (t) => {
  await t.rejects(build(t, { env: { AUTH_MAIL_TEMPLATES: '/no/such/folder' } }), {
    message: /AUTH_MAIL_TEMPLATES \/no\/such\/folder: there is no such folder/
  })
})
