import { glob, readFile } from 'node:fs/promises'
import t from 'tap'

const ROOT = new URL('..', import.meta.url)
const SOURCES = [
  '{app,cli,server}.ts',
  '{plugins,routes,schemas,domain,store,commands,verifier,deploy}/**/*.ts'
]

/** Files that compare hashes of other systems, which chose the algorithms. */
const IMPORTED = 'domain/passwords/imported'
/** And one that asks for breached passwords, by the SHA-1 of the range API. */
const LEGACY = [
  'domain/passwords/breaches.ts',
  ...['pbkdf2', 'md5-crypt', 'phpass'].map((name) => `${IMPORTED}/${name}.ts`)
]

/** Patterns that no production code may contain, and the files that use one for another reason. */
const banned: Array<{ why: string; pattern: RegExp; except?: string[] }> = [
  {
    why: 'a digest of less than 256 bits',
    pattern: /\b(createHash|createHmac|hkdfSync|sign|verify)\(\s*'(?!sha(256|384|512)')/,
    except: LEGACY
  },
  { why: 'a broken hash', pattern: /['"](md[245]|sha-?1|ripemd\d*)['"]/i, except: LEGACY },
  {
    why: 'a cipher that does not authenticate',
    pattern: /\b(createCipheriv|createDecipheriv)\(\s*'(?!aes-256-gcm')/,
    except: [`${IMPORTED}/firebase.ts`]
  },
  {
    why: 'a mode or padding that is broken',
    pattern: /\b(ecb|rc4|des-ede3?|RSA_PKCS1_PADDING|publicEncrypt|privateDecrypt)\b/i
  },
  {
    why: 'chance that can be foretold',
    pattern: /Math\.random|pseudoRandomBytes/,
    // The pause between two tries of a follower is no secret.
    except: ['verifier/revocation-feed.ts']
  },
  { why: 'a UUID for a secret', pattern: /randomUUID|(token|secret|seed)\w* = uuid/i }
]

/** Files that make a MAC as the key of a row and compare none. */
const LOOKED_UP = ['domain/sign-in/throttle.ts', 'domain/passwords/forgotten.ts']
/** Files that make a MAC and compare a hash of it, by argon2 or bcrypt. */
const HASHED = ['digests', 'flask-security'].map((name) => `${IMPORTED}/${name}.ts`)

async function readSources(): Promise<Map<string, string>> {
  const sources = new Map<string, string>()
  for await (const path of glob(SOURCES, {
    cwd: ROOT,
    exclude: ['**/node_modules/**', 'verifier/dist/**']
  })) {
    sources.set(path, await readFile(new URL(path, ROOT), 'utf8'))
  }
  return sources
}

/** Names each file that breaks a rule, and the rule. */
function violations(sources: Map<string, string>): string[] {
  return [...sources].flatMap(([path, text]) => {
    const rules = banned.filter(
      ({ pattern, except = [] }) => !except.includes(path) && pattern.test(withoutComments(text))
    )
    return rules.map(({ why }) => `${path}: ${why}`)
  })
}

/** Names the files that make a MAC but call no comparison in constant time. */
function carelessComparisons(sources: Map<string, string>): string[] {
  const makers = [...sources].filter(
    ([path, text]) => text.includes('createHmac(') && ![...LOOKED_UP, ...HASHED].includes(path)
  )
  return makers.filter(([, text]) => !/\b(isSameText|timingSafeEqual)\(/.test(text)).map(([path]) => path)
}

const withoutComments = (text: string) => text.replaceAll(/\/\*.*?\*\/|^\s*\/\/.*$/gms, '')

const sources = await readSources()

t.test('no source uses a broken hash, cipher, padding or source of chance', async (t) => {
  t.ok(sources.size > 150, `${sources.size} files`)
  t.strictSame(violations(sources), [])
})

t.test('each kind of them is found where it is planted', async (t) => {
  const planted = [
    "createHash('md5')",
    "createHash('sha1')",
    "createHmac('sha1', key)",
    "const algorithm = 'SHA-1'",
    "createCipheriv('aes-256-cbc', key, iv)",
    "createDecipheriv(\n  'aes-128-ecb', key, null)",
    'privateDecrypt(key, text)',
    'const padding = constants.RSA_PKCS1_PADDING',
    'const code = Math.random().toString(36)',
    'const secret = randomUUID()',
    'const resetToken = uuidv7()'
  ]
  for (const line of planted)
    t.equal(violations(new Map([['domain/planted.ts', line]])).length > 0, true, line)
  t.strictSame(violations(new Map([['domain/planted.ts', '// not Math.random\n/* nor md5 */']])), [])
})

t.test('a file that makes a MAC compares it in constant time', async (t) => {
  t.strictSame(carelessComparisons(sources), [])
  const planted = "const isGood = createHmac('sha256', key).update(text).digest('hex') === shown"
  t.strictSame(carelessComparisons(new Map([['domain/planted.ts', planted]])), ['domain/planted.ts'])
})
