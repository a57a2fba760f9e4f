import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { fileURLToPath } from 'node:url'
import type { Teardown } from './build.ts'
import type { Certificate } from './certificate.ts'
import { newFolder } from './folder.ts'
import { freePort } from './port.ts'
import { firstExisting, untilListening } from './proxy-process.ts'
import { until } from './token-watch.ts'

const DEPLOY = fileURLToPath(new URL('../../deploy/', import.meta.url))

/** The ports on loopback that a proxy passes requests on to. */
export interface Upstreams {
  gatehouse: number
  app: number
}

/** A reverse proxy that runs a configuration of deploy/. `missing` says why it cannot, or is false. */
export interface ReverseProxy {
  name: 'nginx' | 'caddy'
  missing: string | false
  /** Starts a proxy, and ends it with the test. Without a certificate, it uses plain http. Resolves to its port. */
  start(t: Teardown, upstreams: Upstreams, certificate?: Certificate): Promise<number>
}

export const nginxPath = firstExisting(
  process.env.NGINX_PATH,
  '/usr/sbin/nginx',
  '/usr/bin/nginx',
  '/usr/local/bin/nginx'
)
const caddyPath = firstExisting(process.env.CADDY_PATH, '/usr/bin/caddy', '/usr/local/bin/caddy')

const nginx: ReverseProxy = {
  name: 'nginx',
  missing: nginxPath ? false : 'there is no nginx: set NGINX_PATH',
  async start(t, upstreams, certificate) {
    const [folder, port] = [await newFolder(t), await freePort()]
    const site = await readFile(join(DEPLOY, 'nginx.conf'), 'utf8')
    const listen = certificate
      ? `listen 127.0.0.1:${port} ssl; ssl_certificate ${certificate.path}; ssl_certificate_key ${certificate.keyPath};`
      : `listen 127.0.0.1:${port};`
    await writeFile(join(folder, 'site.conf'), withAddresses(site, upstreams, listen))
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
      .map((name) => `${name}_temp_path ${folder}/${name};`)
      .join(' ')
    // Administrators include the site in their own http block; this is a minimal one.
    const main = join(folder, 'nginx.conf')
    await writeFile(
      main,
      `daemon off; master_process off; pid ${folder}/nginx.pid; error_log stderr;
      events {} http { access_log off; ${temporary} include ${folder}/site.conf; }`
    )
    await untilListening(t, spawn(nginxPath as string, ['-c', main, '-p', folder, '-e', 'stderr']), port)
    return port
  }
}

const caddy: ReverseProxy = {
  name: 'caddy',
  missing: caddyPath ? false : 'there is no Caddy: set CADDY_PATH',
  async start(t, upstreams, certificate) {
    const [folder, port] = [await newFolder(t), await freePort()]
    const main = join(folder, 'Caddyfile')
    const global =
      '{\nadmin off\ndefault_bind 127.0.0.1\nskip_install_trust\nauto_https disable_redirects\n}\n'
    await writeFile(main, `${global}import ${join(DEPLOY, 'Caddyfile')}\n`)
    const env = {
      HOME: folder,
      // Caddy makes its own certificate for localhost.
      SITE: certificate ? `https://localhost:${port}` : `http://127.0.0.1:${port}`,
      GATEHOUSE: `127.0.0.1:${upstreams.gatehouse}`,
      APP: `127.0.0.1:${upstreams.app}`
    }
    const args = ['run', '--config', main, '--adapter', 'caddyfile']
    await untilListening(t, spawn(caddyPath as string, args, { env }), port)
    // It listens before it has made the certificate.
    if (certificate) await untilTls(port)
    return port
  }
}

export const proxies = [nginx, caddy]

/** Starts the Caddy of docker-compose.yml, without TLS, for one Gatehouse on loopback. Resolves to its port. */
export async function startComposeCaddy(t: Teardown, gatehouse: number): Promise<number> {
  const [folder, port] = [await newFolder(t), await freePort()]
  const site = await readFile(join(DEPLOY, 'compose', 'Caddyfile'), 'utf8')
  const main = join(folder, 'Caddyfile')
  const local = replaceEach(site, [
    ['reverse_proxy gatehouse:3000', `reverse_proxy 127.0.0.1:${gatehouse}`],
    ['http://127.0.0.1:2020', `http://127.0.0.1:${await freePort()}`]
  ])
  await writeFile(main, local)
  const env = { HOME: folder, GATEHOUSE_HOST: `http://127.0.0.1:${port}` }
  const args = ['run', '--config', main, '--adapter', 'caddyfile']
  await untilListening(t, spawn(caddyPath as string, args, { env }), port)
  return port
}

export const caddyMissing = caddy.missing

async function untilTls(port: number): Promise<void> {
  await until(async () => {
    const socket = connect({ port, host: '127.0.0.1', servername: 'localhost', rejectUnauthorized: false })
    const isReady = await once(socket, 'secureConnect').then(
      () => true,
      () => false
    )
    socket.destroy()
    return isReady
  }, 'Caddy has a certificate')
}

function withAddresses(site: string, { gatehouse, app }: Upstreams, listen: string): string {
  return replaceEach(site, [
    ['server 127.0.0.1:3000;', `server 127.0.0.1:${gatehouse};`],
    ['server 127.0.0.1:8080;', `server 127.0.0.1:${app};`],
    ['listen 80;', listen]
  ])
}

function replaceEach(site: string, replacements: Array<[string, string]>): string {
  return replacements.reduce((text, [placeholder, address]) => {
    if (text.split(placeholder).length !== 2) throw new Error(`there must be one line ${placeholder}`)
    return text.replace(placeholder, address)
  }, site)
}
