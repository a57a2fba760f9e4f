import t from 'tap'
import { recordIdentity } from '../../domain/settings/service-identity.ts'
import { SettingsError } from '../../domain/settings/settings.ts'
import { build } from '../harness/build.ts'
import { perform } from '../harness/command.ts'
import { engines } from '../harness/engines.ts'

const ISSUER = 'https://auth.example.com'
const AUDIENCE = 'https://api.example.com'
const create = { name: 'reports', scope: 'orders:read' }

for (const engine of engines) {
  t.test(`on ${engine.name}`, { skip: engine.missing }, async (t) => {
    const service = await build(t, { engine, env: { AUTH_ISSUER: ISSUER, AUTH_AUDIENCE: AUDIENCE } })
    const { AUTH_ISSUER: _issuer, AUTH_AUDIENCE: _audience, ...database } = service.env
    const { store, config } = service.app

    t.test(
      'a service that starts for the first time, or with the same settings, has no warning',
      async (t) => {
        t.strictSame(await recordIdentity(store, config), [])
        t.strictSame(await recordIdentity(store, config), [])
        t.strictSame(await store.serviceIdentity.find(), { issuer: ISSUER, audience: AUDIENCE })
      }
    )

    t.test('a command without issuer and audience uses those of the service', async (t) => {
      const { json } = await perform(database, 'clients create', create)
      t.match(json, { audiences: [AUDIENCE] })
      const { text } = await perform(database, 'admin create', { email: 'root@example.com' })
      t.match(text, `${ISSUER}/auth/`)
    })

    t.test('a command with another issuer or audience is refused, and changes nothing', async (t) => {
      const others = { AUTH_ISSUER: 'http://localhost:3000', AUTH_AUDIENCE: 'https://other.example.com' }
      const before = await store.clients.list({ limit: 10 })
      await t.rejects(
        perform({ ...database, ...others }, 'clients create', create),
        new SettingsError([
          `AUTH_ISSUER is http://localhost:3000 here, but ${ISSUER} in the service: use the same settings`,
          `AUTH_AUDIENCE is https://other.example.com here, but ${AUDIENCE} in the service: use the same settings`
        ])
      )
      t.strictSame(await store.clients.list({ limit: 10 }), before)
    })

    t.test('a service that starts with another issuer warns, and commands follow it', async (t) => {
      const moved = 'https://login.example.com'
      t.strictSame(await recordIdentity(store, { ...config, AUTH_ISSUER: moved }), [
        `AUTH_ISSUER was ${ISSUER} at the last start: tokens with it are refused, and every instance must have the same value`
      ])
      const { text } = await perform(database, 'admin create', { email: 'second@example.com' })
      t.match(text, `${moved}/auth/`)
    })
  })
}
