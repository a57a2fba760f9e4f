import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'

/** The app's own origin: these files and nothing else, allowed to talk to one Gatehouse and nobody else. */
const { PORT = '5173', GATEHOUSE_URL = 'http://localhost:3000' } = process.env

const files = {
  '/': { name: 'index.html', type: 'text/html; charset=utf-8' },
  '/app.js': { name: 'app.js', type: 'text/javascript; charset=utf-8' },
  '/gatehouse.js': { name: 'gatehouse.js', type: 'text/javascript; charset=utf-8' },
  '/style.css': { name: 'style.css', type: 'text/css; charset=utf-8' }
}

const policy = `default-src 'none'; script-src 'self'; style-src 'self'; connect-src ${GATEHOUSE_URL}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`

const server = createServer(async ({ method, url }, response) => {
  const file = files[url.split('?', 1)[0]]
  if (method !== 'GET' || !file) return response.writeHead(404).end()
  const content = await readFile(new URL(file.name, import.meta.url), 'utf8')
  response.writeHead(200, {
    'content-type': file.type,
    'content-security-policy': policy,
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer'
  })
  response.end(content.replace('http://localhost:3000', GATEHOUSE_URL))
})

server.listen(Number(PORT), '127.0.0.1', () => console.log(`http://localhost:${PORT}`))
