import t, { type Test } from 'tap'
import type { Answer, Browser } from '../../harness/browser.ts'
import { build, type TestApp } from '../../harness/build.ts'
import { engines } from '../../harness/engines.ts'
import { refusal, refusalOf } from '../../harness/refusal.ts'
import { ask, machineWith, make } from './machines.ts'
import { delegate, hire, idOf } from './people.ts'

const FORBIDDEN = refusal(403, 'forbidden')

async function areRefused(t: Test, attempts: Promise<Answer>[]): Promise<void> {
  for (const attempt of attempts) t.strictSame(refusalOf(await attempt), FORBIDDEN)
}

/** The token of a link that this administrator makes for somebody. */
async function linkBy(administrator: Browser, id: string): Promise<string> {
  const { status, body, text } = await administrator.post(`/admin/users/${id}/password-reset`)
  if (status !== 201) throw new Error(`no link: ${text}`)
  return body.token
}

async function redeem({ browser }: TestApp, token: string): Promise<number> {
  return (await browser().post('/auth/password/reset', { token, password: 'another battery staple horse' }))
    .status
}

for (const engine of engines) {
  t.test(`links on ${engine.name}`, { skip: engine.missing }, async (t) => {
    const service = await build(t, { engine })
    const root = await service.setUp()
    const helper = await delegate(service, root, 'helper', 'users:write')

    async function everybodyMay(scope: string): Promise<void> {
      const { status, text } = await root.put('/admin/roles/user', { scope })
      if (status !== 200) throw new Error(`not changed: ${text}`)
      for (const window of [root, helper]) await window.post('/auth/refresh')
    }

    t.test('a role that gains a management scope withdraws the links of all its holders (F4)', async (t) => {
      await root.post('/admin/roles', { name: 'editor', scope: '' })
      const holders = [
        await hire(root, 'one@example.com', ['editor']),
        await hire(root, 'two@example.com', ['editor'])
      ]
      const other = await hire(root, 'other@example.com')
      const links = await Promise.all(holders.map((id) => linkBy(helper, id)))
      const linkOfOther = await linkBy(helper, other)
      t.equal((await root.put('/admin/roles/editor', { scope: 'clients:write' })).status, 200)
      t.strictSame(refusalOf(await helper.post(`/admin/users/${holders[0]}/password-reset`)), FORBIDDEN)
      for (const link of links) t.equal(await redeem(service, link), 400)
      t.equal(await redeem(service, linkOfOther), 204, 'others keep theirs')
    })

    t.test('`user` that gains one withdraws everybody’s', async (t) => {
      const link = await linkBy(helper, await hire(root, 'anybody@example.com'))
      await everybodyMay('audit:read')
      t.equal(await redeem(service, link), 400)
      await everybodyMay('')
    })

    t.test('so does an application scope, gained by a role or by an assignment', async (t) => {
      await root.post('/admin/roles', { name: 'cashier', scope: '' })
      await root.post('/admin/roles', { name: 'payer', scope: 'payments:approve' })
      const holder = await hire(root, 'cashier@example.com', ['cashier'])
      const assigned = await hire(root, 'payer@example.com')
      const links = [await linkBy(helper, holder), await linkBy(helper, assigned)]
      t.equal((await root.put('/admin/roles/cashier', { scope: 'till:open' })).status, 200)
      t.equal((await root.patch(`/admin/users/${assigned}`, { roles: ['payer'] })).status, 200)
      for (const link of links) t.equal(await redeem(service, link), 400)
    })

    t.test('a role that gains nothing withdraws none, nor does what everybody gains', async (t) => {
      await root.post('/admin/roles', { name: 'reader', scope: 'news:read news:list' })
      const id = await hire(root, 'reader@example.com', ['reader'])
      const link = await linkBy(root, id)
      t.equal((await root.put('/admin/roles/reader', { scope: 'news:read' })).status, 200)
      await everybodyMay('news:all')
      t.equal(await redeem(service, link), 204)
      await everybodyMay('')
    })

    t.test('a link made beside the gain of a role never opens what the role gained', async (t) => {
      for (let round = 0; round < 10; round += 1) {
        const name = `racing${round}`
        await root.post('/admin/roles', { name, scope: '' })
        const id = await hire(root, `${name}@example.com`, [name])
        const [made, changed] = await Promise.all([
          helper.post(`/admin/users/${id}/password-reset`),
          root.put(`/admin/roles/${name}`, { scope: 'keys:write' })
        ])
        t.equal(changed.status, 200)
        t.ok([201, 403].includes(made.status), `link ${made.status}`)
        if (made.status === 201) t.equal(await redeem(service, made.body.token), 400)
      }
    })
  })
}

t.test('application scopes (F16)', async (t) => {
  const service = await build(t)
  const root = await service.setUp()
  await root.post('/admin/roles', { name: 'payer', scope: 'payments:approve' })
  const payer = await hire(root, 'payer@example.com', ['payer'])
  const plain = await hire(root, 'plain@example.com')

  await t.test('users:write alone neither assigns them nor touches those who hold them', async (t) => {
    const clerk = await delegate(service, root, 'clerk', 'users:read users:write')
    const machine = await machineWith(service, root, 'users:read users:write')
    for (const administrator of [clerk, machine]) {
      await areRefused(t, [
        administrator.post('/admin/users', { email: 'x@example.com', roles: ['payer'] }),
        administrator.patch(`/admin/users/${plain}`, { roles: ['payer'] }),
        administrator.patch(`/admin/users/${payer}`, { roles: [] }),
        administrator.patch(`/admin/users/${payer}`, { name: 'X' }),
        administrator.patch(`/admin/users/${payer}`, { disabled: true }),
        administrator.post(`/admin/users/${payer}/password-reset`),
        administrator.delete(`/admin/users/${payer}/sessions`),
        administrator.delete(`/admin/users/${payer}`)
      ])
      t.equal((await administrator.get(`/admin/users/${payer}`)).status, 200)
      t.equal((await administrator.patch(`/admin/users/${plain}`, { name: 'Plain' })).status, 200)
    }
    await areRefused(t, [clerk.patch(`/admin/users/${await idOf(clerk)}`, { roles: ['clerk', 'payer'] })])
    t.match((await root.get(`/admin/users/${payer}`)).body, { roles: ['payer', 'user'], disabled: false })
  })

  await t.test('a holder of one hands it out and touches its holders', async (t) => {
    const chief = await delegate(service, root, 'chief', 'payments:approve users:write')
    t.equal((await chief.patch(`/admin/users/${plain}`, { roles: ['payer'] })).status, 200)
    t.equal((await chief.patch(`/admin/users/${plain}`, { roles: [] })).status, 200)
    t.equal((await chief.post(`/admin/users/${payer}/password-reset`)).status, 201)
  })

  await t.test('roles:assign hands out every one to others, and no management scope', async (t) => {
    const registrar = await delegate(service, root, 'registrar', 'roles:assign users:write')
    t.equal((await registrar.patch(`/admin/users/${plain}`, { roles: ['payer'] })).status, 200)
    t.equal((await registrar.post(`/admin/users/${plain}/password-reset`)).status, 201)
    t.equal((await registrar.patch(`/admin/users/${plain}`, { roles: [] })).status, 200)
    await areRefused(t, [
      registrar.patch(`/admin/users/${plain}`, { roles: ['admin'] }),
      registrar.patch(`/admin/users/${await idOf(root)}`, { name: 'X' })
    ])
  })

  await t.test('roles:assign itself is handed out by its holders alone', async (t) => {
    const keeper = await delegate(service, root, 'keeper', 'clients:write roles:write users:write')
    await areRefused(t, [
      keeper.post('/admin/roles', { name: 'shadow', scope: 'roles:assign' }),
      keeper.patch(`/admin/users/${plain}`, { roles: ['registrar'] }),
      keeper.post('/admin/clients', { name: 'x', scope: 'roles:assign' })
    ])
  })

  await t.test('no administrator gives themselves one that they lack, even with roles:assign', async (t) => {
    const rootId = await idOf(root)
    await root.post('/admin/roles', { name: 'lead', scope: 'team:lead' })
    const lead = await delegate(service, root, 'boss', 'roles:assign roles:write users:write')
    const leadId = await idOf(lead)
    t.equal((await root.patch(`/admin/users/${leadId}`, { roles: ['boss', 'lead'] })).status, 200)
    t.equal((await lead.post('/auth/refresh')).status, 200)
    await areRefused(t, [
      root.patch(`/admin/users/${rootId}`, { roles: ['admin', 'payer'] }),
      lead.patch(`/admin/users/${leadId}`, { roles: ['boss', 'lead', 'payer'] }),
      lead.put('/admin/roles/lead', { scope: 'payments:approve team:lead' }),
      lead.put('/admin/roles/boss', { scope: 'payments:approve roles:assign roles:write users:write' })
    ])
    t.equal((await lead.put('/admin/roles/lead', { scope: 'team:lead', description: 'Leads' })).status, 200)
    t.equal((await lead.post('/auth/refresh')).status, 200)
    t.equal((await lead.patch(`/admin/users/${leadId}`, { roles: ['boss'] })).status, 200, 'less is theirs')
  })

  await t.test('a machine gives itself none that it lacks', async (t) => {
    const { id, clientSecret } = await make(root, 'clients:write roles:assign')
    const { body } = await ask(service, id, clientSecret)
    const machine = service.browser({ authorization: `Bearer ${body.access_token}` })
    await areRefused(t, [
      machine.patch(`/admin/clients/${id}`, { scope: 'clients:write payments:approve roles:assign' })
    ])
    const other = await make(root, '')
    t.equal((await machine.patch(`/admin/clients/${other.id}`, { scope: 'payments:approve' })).status, 200)
  })

  await t.test(
    'an administrator who lacks one makes, changes and takes no role and no client with it',
    async (t) => {
      const maker = await delegate(service, root, 'maker', 'clients:write roles:write')
      const client = await make(root, 'payments:approve')
      const bare = await make(root, '')
      const url = `/admin/clients/${client.id}`
      await areRefused(t, [
        maker.post('/admin/roles', { name: 'shadow', scope: 'payments:approve' }),
        maker.put('/admin/roles/user', { scope: 'payments:approve' }),
        maker.put('/admin/roles/payer', { scope: '' }),
        maker.delete('/admin/roles/payer'),
        maker.post('/admin/clients', { name: 'x', scope: 'payments:approve' }),
        maker.patch(`/admin/clients/${bare.id}`, { scope: 'payments:approve' }),
        maker.patch(url, { disabled: true }),
        maker.post(`${url}/secrets`, {}),
        maker.delete(`${url}/secrets/${client.secrets[0].id}`),
        maker.delete(url)
      ])
      t.equal((await ask(service, client.id, client.clientSecret)).status, 200)
    }
  )

  await t.test('what `user` allows protects no account: a machine without it touches people', async (t) => {
    const machine = await machineWith(service, root, 'users:write')
    t.equal((await root.put('/admin/roles/user', { scope: 'news:read' })).status, 200)
    t.equal((await root.post('/auth/refresh')).status, 200)
    t.equal((await machine.patch(`/admin/users/${plain}`, { name: 'Plain' })).status, 200)
    t.equal((await machine.post('/admin/users', { email: 'new@example.com', roles: ['user'] })).status, 201)
  })
})

t.test('a management role for an unverified address comes with a warning (F9)', async (t) => {
  const service = await build(t)
  const root = await service.setUp()
  const id = await hire(root, 'boss@example.com')
  const warnings = [
    {
      code: 'email_unverified',
      detail: 'The address boss@example.com is not verified: make sure that its owner has this account.'
    }
  ]
  await root.post('/admin/roles', { name: 'reader', scope: 'news:read' })
  await root.post('/admin/roles', { name: 'auditor', scope: 'audit:read' })

  await t.test('when it is given to an account, and not when it was there before', async (t) => {
    const given = await root.patch(`/admin/users/${id}`, { roles: ['auditor'] })
    t.equal(given.status, 200)
    t.strictSame(given.body.warnings, warnings)
    for (const change of [{ roles: ['auditor', 'reader'] }, { name: 'Boss' }, { roles: ['reader'] }]) {
      const { status, body } = await root.patch(`/admin/users/${id}`, change)
      t.equal(status, 200)
      t.notOk('warnings' in body, JSON.stringify(change))
    }
  })

  await t.test('when an account is made with it', async (t) => {
    const { body } = await root.post('/admin/users', { email: 'new@example.com', roles: ['admin'] })
    t.match(body.warnings, [{ code: 'email_unverified', detail: /new@example\.com/ }])
  })

  await t.test('and with none if the address is verified', async (t) => {
    const verified = {
      id: '01890000-0000-7000-8000-000000000001',
      email: 'verified@example.com',
      name: null,
      passwordHash: null,
      version: 1,
      disabled: false,
      emailVerified: true,
      createdAt: service.clock()
    }
    await service.app.store.users.insert(verified)
    const { status, body } = await root.patch(`/admin/users/${verified.id}`, { roles: ['admin'] })
    t.equal(status, 200)
    t.notOk('warnings' in body)
  })
})
