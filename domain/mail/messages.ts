/** What Gatehouse tells people by mail. A message waits in the outbox; its letter is written when it is delivered. */
export type MailMessage =
  /** Somebody says that they forgot the password of this address. `browser` is the secret of the browser that asked. */
  | { kind: 'password_forgotten'; email: string; browser: string }
  | { kind: 'password_changed'; userId: string; at: number; ip: string | null }

export const templates = ['password-reset', 'password-changed'] as const
export type TemplateName = (typeof templates)[number]

/** The values of each template. None is a text that a person typed: it could carry a link of somebody else's. */
export interface TemplateValues {
  'password-reset': { service: string; link: string; code: string; minutes: string }
  'password-changed': { service: string; when: string; where: string; link: string }
}

/** A mail to one user, before a template gives it its words. */
export type Letter = {
  [Name in TemplateName]: { userId: string; to: string; template: Name; values: TemplateValues[Name] }
}[TemplateName]

/** A mail as it is sent. */
export interface Mail {
  to: string
  subject: string
  text: string
  html: string
}
