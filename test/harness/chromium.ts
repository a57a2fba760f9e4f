import { existsSync } from 'node:fs'
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium as engine,
  type Page
} from 'playwright-core'
import type { Teardown } from './build.ts'

const PATHS = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome-stable',
  '/usr/bin/google-chrome',
  '/opt/google/chrome/chrome',
  '/snap/bin/chromium',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome'
]

// Nothing but the pages under test may touch the network.
const ARGUMENTS = [
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync'
]

const executablePath = process.env.CHROMIUM_PATH ?? PATHS.find((path) => existsSync(path))

/** A real browser to test pages in; `missing` says why there is none here. */
export const chromium = {
  missing: whyMissing(),

  async launch(t: Teardown, args: string[] = []): Promise<Browser> {
    const browser = await engine.launch({
      executablePath,
      args: [...ARGUMENTS, ...args],
      chromiumSandbox: false
    })
    t.teardown(() => browser.close())
    return browser
  }
}

/** A browser profile with nothing in it, gone when the test is over. */
export async function newProfile(
  t: Teardown,
  browser: Browser,
  options: BrowserContextOptions = {}
): Promise<BrowserContext> {
  const profile = await browser.newContext(options)
  t.teardown(() => profile.close())
  return profile
}

/** What the console of a page complains of from now on: errors, warnings, uncaught exceptions and violations of its policy. */
export function collectComplaints(page: Page): string[] {
  const complaints: string[] = []
  page.on('pageerror', (error) => complaints.push(String(error)))
  page.on('console', (message) => {
    if (message.type() !== 'error' && message.type() !== 'warning') return
    complaints.push(`${message.text()} ${new URL(message.location().url, 'file:').pathname}`)
  })
  return complaints
}

function whyMissing(): string | false {
  if (executablePath === undefined) return 'there is no Chromium: set CHROMIUM_PATH'
  return existsSync(executablePath) ? false : 'there is no Chromium at CHROMIUM_PATH'
}
