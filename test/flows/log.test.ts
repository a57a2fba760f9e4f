import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { build, password } from '../harness/build.ts'
import { Client } from '../harness/client.ts'
import { captureLog } from '../harness/log.ts'
import { freePort } from '../harness/port.ts'
import { start } from '../harness/program.ts'

const UTC = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/
const CREDENTIALS = { email: 'ada@example.com', password }

t.test('the service writes lines of JSON in UTC to standard output, and to no other file', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'gatehouse-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const port = await freePort()
  // A time zone far from UTC would show in the times if it counted.
  const env = { AUTH_DATA_DIR: folder, PORT: port, TZ: 'Pacific/Kiritimati', LOG_LEVEL: 'trace' }
  const service = await start(t, env)
  const client = new Client(`http://127.0.0.1:${port}`)
  const before = Date.now()
  // A process that has just started on a busy machine may shed load for a moment.
  while ((await client.ask('POST', '/auth/register', CREDENTIALS)).status === 503) await pause(100)
  await client.ask('POST', '/auth/login', { ...CREDENTIALS, password: 'a wrong password' })
  await client.ask('POST', '/auth/login', { email: 1 })
  await client.ask('GET', '/nowhere')
  await client.must('POST', '/auth/logout')
  const files = await readdir(folder)
  const { code, stdout, stderr } = await service.stop()

  t.equal(code, 0)
  t.equal(stderr, '', 'standard error is for failures at the start')
  const lines = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  t.ok(lines.length > 10, `${lines.length} lines`)
  for (const { time } of lines) t.match(time, UTC)
  t.ok(lines.some(({ time, msg }) => msg === 'login.failed' && Math.abs(Date.parse(time) - before) < 60_000))
  t.strictSame(
    files.filter((name) => !/^(gatehouse\.db(-wal|-shm|\.lock)?|master\.key)$/.test(name)),
    [],
    'the data folder has the database and the master key alone'
  )
})

t.test('an uncaught error is a line of the log, and ends the process', async (t) => {
  for (const failure of ['throw new Error("unforeseen")', 'Promise.reject(new Error("unforeseen"))']) {
    const folder = await mkdtemp(join(tmpdir(), 'gatehouse-'))
    t.teardown(() => rm(folder, { recursive: true, force: true }))
    const fault = `data:text/javascript,process.on("SIGWINCH",()=>{${failure}})`
    const env = { AUTH_DATA_DIR: folder, PORT: await freePort() }
    const service = await start(t, env, ['--import', fault, 'server.ts'])
    const { code, stdout, stderr } = await service.stop('SIGWINCH')
    t.equal(code, 1, failure)
    t.equal(stderr, '')
    const [last] = stdout.trim().split('\n').slice(-1)
    t.match(JSON.parse(last ?? ''), {
      level: 'fatal',
      msg: 'stopped by an error',
      err: { message: 'unforeseen' }
    })
  }
})

t.test('a refusal is a line with the caller, the address, the code and the request’s id', async (t) => {
  const { log, lines } = captureLog()
  const service = await build(t, { log })
  const ada = await service.signUp()
  const { user } = (await ada.get('/auth/me')).body
  const { status, body } = await ada.get('/admin/users')
  t.strictSame([status, body.code], [403, 'forbidden'])
  const [refused, answered] = lines.filter(({ requestId }) => requestId === body.requestId)
  t.match(refused, { level: 'info', msg: 'refused', code: 'forbidden', subject: user.id, ip: '127.0.0.1' })
  t.match(answered, { level: 'info', msg: 'answered', method: 'GET', route: '/admin/users', status: 403 })
})

t.test('no method of the API changes the audit trail', async (t) => {
  const service = await build(t)
  const root = await service.setUp()
  const trail = async () => (await root.get('/admin/audit')).body.items
  const before = await trail()
  t.ok(before.length > 0)
  for (const path of ['/admin/audit', `/admin/audit/${before[0].id}`]) {
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE'] as const) {
      const { status } = await root.request(method, path, method === 'DELETE' ? undefined : {})
      t.ok([404, 405].includes(status), `${method} ${path} is ${status}`)
    }
  }
  t.strictSame(await trail(), before)
})

t.test('an error has its cause in the log alone, whatever NODE_ENV says', async (t) => {
  const { NODE_ENV } = process.env
  t.teardown(() => {
    if (NODE_ENV === undefined) delete process.env.NODE_ENV
    else process.env.NODE_ENV = NODE_ENV
  })
  for (const mode of [undefined, '', 'development', 'test', 'debug', 'production']) {
    if (mode === undefined) delete process.env.NODE_ENV
    else process.env.NODE_ENV = mode
    const { log, lines } = captureLog()
    const { browser } = await build(t, {
      log,
      routes: (app) => {
        app.get('/explode', async () => {
          throw new Error('select secret from table')
        })
      }
    })
    const { status, body } = await browser().get('/explode')
    const { requestId, ...told } = body
    t.strictSame(
      [status, told],
      [
        500,
        {
          type: 'urn:gatehouse:problem:internal_error',
          title: 'Something went wrong.',
          status: 500,
          code: 'internal_error'
        }
      ],
      `${mode}`
    )
    const [line] = lines.filter(({ level }) => level === 'error')
    t.match(line, {
      msg: 'failed',
      requestId,
      err: { message: 'select secret from table', stack: /log\.test\.ts/ }
    })
  }
})
