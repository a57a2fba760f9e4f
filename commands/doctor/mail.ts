import type { Config } from '../../domain/settings/config.ts'
import { mailRoute, type SmtpServer, smtpServerOf } from '../../domain/settings/mail.ts'
import { readTemplates } from '../../plugins/mail/templates.ts'
import { trySmtpServer } from '../../plugins/mail/transport.ts'
import type { Check } from './checkup.ts'
import { error, type Finding, ok } from './finding.ts'

const ADVICE = 'Start it, or correct AUTH_SMTP_URL; until then mail waits, for a day at most.'

/** Checks that the SMTP server lets Gatehouse in, and that every template of mail works. */
export function mailCheck(config: Config): Check {
  return {
    name: 'mail',
    needs: ['AUTH_SMTP_URL', 'AUTH_MAIL_FROM', 'AUTH_ISSUER'],
    look: async () => [await lookAtServer(config), ...templateFaults(config.AUTH_MAIL_TEMPLATES)],
    advice: ADVICE
  }
}

async function lookAtServer(config: Config): Promise<Finding> {
  const route = mailRoute(config)
  if (route === 'none') return ok('Without AUTH_SMTP_URL there is no mail')
  if (route === 'output') return ok('Without AUTH_SMTP_URL the service prints its mails')
  const server = smtpServerOf(config.AUTH_SMTP_URL) as SmtpServer
  try {
    await trySmtpServer(server)
    return ok(`The SMTP server ${server.host} takes mail`)
  } catch (thrown) {
    return error(`The SMTP server ${server.host} does not take mail: ${(thrown as Error).message}`, ADVICE)
  }
}

function templateFaults(folder: string): Finding[] {
  try {
    readTemplates(folder)
    return []
  } catch (thrown) {
    return [
      error((thrown as Error).message, 'Correct the template, or remove it: then that of Gatehouse counts.')
    ]
  }
}
