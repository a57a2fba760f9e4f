import { spawn } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Teardown } from './build.ts'
import { newFolder } from './folder.ts'
import { freePort } from './port.ts'
import { nginxPath } from './proxies.ts'
import { firstExisting, untilListening } from './proxy-process.ts'

/** A proxy that takes HTTP/2 without TLS, and passes every request on by HTTP/1.1 as it arrives. */
export interface Http2FrontEnd {
  name: string
  missing: string | false
  /** Starts it for a service on loopback, and ends it with the test. Resolves to its port. */
  start(t: Teardown, service: number): Promise<number>
}

const haproxyPath = firstExisting(process.env.HAPROXY_PATH, '/usr/sbin/haproxy', '/usr/local/sbin/haproxy')

const haproxy: Http2FrontEnd = {
  name: 'HAProxy',
  missing: haproxyPath ? false : 'there is no HAProxy: set HAPROXY_PATH',
  async start(t, service) {
    const [folder, port] = [await newFolder(t), await freePort()]
    const main = join(folder, 'haproxy.cfg')
    await writeFile(
      main,
      `defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend public
  bind 127.0.0.1:${port} proto h2
  default_backend gatehouse
backend gatehouse
  server one 127.0.0.1:${service}
`
    )
    await untilListening(t, spawn(haproxyPath as string, ['-db', '-f', main]), port)
    return port
  }
}

const nginx: Http2FrontEnd = {
  name: 'nginx with proxy_request_buffering off',
  missing: nginxPath ? false : 'there is no nginx: set NGINX_PATH',
  async start(t, service) {
    const [folder, port] = [await newFolder(t), await freePort()]
    const main = join(folder, 'nginx.conf')
    await writeFile(
      main,
      `daemon off; master_process off; pid ${folder}/nginx.pid; error_log stderr;
      events {}
      http {
        access_log off; client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy;
        fastcgi_temp_path ${folder}/fastcgi; uwsgi_temp_path ${folder}/uwsgi; scgi_temp_path ${folder}/scgi;
        server {
          listen 127.0.0.1:${port} http2;
          location / {
            proxy_pass http://127.0.0.1:${service}; proxy_http_version 1.1; proxy_request_buffering off;
          }
        }
      }`
    )
    await untilListening(t, spawn(nginxPath as string, ['-c', main, '-p', folder, '-e', 'stderr']), port)
    return port
  }
}

export const http2FrontEnds = [haproxy, nginx]
