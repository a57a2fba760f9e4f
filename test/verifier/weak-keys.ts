import { checkPrimeSync, generatePrimeSync, type JsonWebKey, randomBytes } from 'node:crypto'

const GENERATOR = 65_537n

/** A whole RSA key pair of these primes, as a private JWK. */
export function rsaOf(p: bigint, q: bigint, e = 65_537n): JsonWebKey {
  const d = inverse(e, (p - 1n) * (q - 1n))
  const parts = { n: p * q, e, d, p, q, dp: d % (p - 1n), dq: d % (q - 1n), qi: inverse(q, p) }
  return {
    kty: 'RSA',
    ...Object.fromEntries(Object.entries(parts).map(([name, value]) => [name, text(value)]))
  }
}

/** The public half of any modulus and exponent, a key or none. */
export function rsaPublic(n: bigint, e = 65_537n): JsonWebKey {
  return { kty: 'RSA', n: text(n), e: text(e) }
}

export const publicOf = ({ kty = '', n = '', e = '' }: JsonWebKey): JsonWebKey => ({ kty, n, e })

/** A prime by which `e` can be an exponent. */
export function primeFor(e: bigint, bits: number): bigint {
  for (;;) {
    const prime = generatePrimeSync(bits, { bigint: true })
    if (e === 1n || (prime - 1n) % e !== 0n) return prime
  }
}

/** A modulus whose primes stand close to each other. */
export function closePrimes(bits: number): [p: bigint, q: bigint] {
  const p = generatePrimeSync(bits / 2, { bigint: true })
  let q = p + 2n
  while (!checkPrimeSync(q)) q += 2n
  return [p, q]
}

/** Primes as the faulty library made them: a multiple of a primorial, and a power of the generator modulo it. */
export function rocaPrimes(bits: number): [p: bigint, q: bigint] {
  const primorial = primesUpTo(701).reduce((product, prime) => product * BigInt(prime), 1n)
  return [rocaPrime(bits / 2, primorial), rocaPrime(bits / 2, primorial)]
}

function rocaPrime(bits: number, primorial: bigint): bigint {
  const least = (3n << BigInt(bits - 2)) / primorial
  const room = (1n << BigInt(bits)) / primorial - least
  for (;;) {
    const factor = least + 1n + (random(bits) % (room - 1n))
    const prime = factor * primorial + power(GENERATOR, random(64), primorial)
    if (checkPrimeSync(prime)) return prime
  }
}

/** Encodings of the points of order 1, 2, 4 and 8 of Curve25519, and of the first two with a y that is not reduced. */
export function smallOrderPoints(): Buffer[] {
  const field = (1n << 255n) - 19n
  const modulo = (value: bigint) => ((value % field) + field) % field
  const d = modulo(-121_665n * inverse(121_666n, field))
  // d*y^4 + 2*y^2 - 1 = 0
  const root = squareRoot(modulo(1n + d), field) as bigint
  const squares = [root, field - root].map((each) => modulo((each - 1n) * inverse(d, field)))
  const eighths = squares.flatMap((square) => squareRoot(square, field) ?? [])
  const ys = [1n, field - 1n, 0n, field, field + 1n, ...eighths.flatMap((y) => [y, field - y])]
  return ys.map((y) => Buffer.from(y.toString(16).padStart(64, '0'), 'hex').reverse())
}

function squareRoot(square: bigint, field: bigint): bigint | undefined {
  const candidate = power(square, (field + 3n) / 8n, field)
  const turned = (candidate * power(2n, (field - 1n) / 4n, field)) % field
  return [candidate, turned].find((root) => (root * root) % field === square)
}

function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n
  for (let [square, rest] = [base % modulus, exponent]; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = (result * square) % modulus
    square = (square * square) % modulus
  }
  return result
}

function inverse(value: bigint, modulus: bigint): bigint {
  let [a, b, x, y] = [value % modulus, modulus, 1n, 0n]
  while (b > 0n) [a, b, x, y] = [b, a % b, y, x - (a / b) * y]
  return ((x % modulus) + modulus) % modulus
}

function primesUpTo(last: number): number[] {
  const numbers = Array.from({ length: last - 1 }, (_, index) => index + 2)
  return numbers.filter((number) => numbers.every((other) => other >= number || number % other !== 0))
}

function random(bits: number): bigint {
  return BigInt(`0x${randomBytes(bits / 8).toString('hex')}`)
}

function text(value: bigint): string {
  const hex = value.toString(16)
  return Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex').toString('base64url')
}
