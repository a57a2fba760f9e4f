import { existsSync } from 'node:fs'
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium as engine,
  type Page
} from 'playwright-core'
import type { Teardown } from './build.ts'
import { newFolder } from './folder.ts'

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

// Only the pages under test may use the network.
const ARGUMENTS = [
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync'
]

const executablePath = process.env.CHROMIUM_PATH ?? PATHS.find((path) => existsSync(path))

/** A real browser in which tests open pages. `missing` says why there is none, or is false. */
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
  },

  /** Starts a browser that has this unpacked extension, with an empty profile. */
  async launchWithExtension(t: Teardown, folder: string): Promise<BrowserContext> {
    const profile = await engine.launchPersistentContext(await newFolder(t), {
      executablePath,
      channel: 'chromium',
      args: [
        ...ARGUMENTS,
        `--load-extension=${folder}`,
        `--disable-extensions-except=${folder}`,
        '--disable-features=DisableLoadExtensionCommandLineSwitch'
      ],
      chromiumSandbox: false
    })
    t.teardown(() => profile.close())
    return profile
  }
}

/** Makes an empty browser profile, which ends with the test. */
export async function newProfile(
  t: Teardown,
  browser: Browser,
  options: BrowserContextOptions = {}
): Promise<BrowserContext> {
  const profile = await browser.newContext(options)
  t.teardown(() => profile.close())
  return profile
}

/** Collects what a page's console reports from now on: errors, warnings, uncaught exceptions and violations of its CSP. */
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
